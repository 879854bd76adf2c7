type Entry = { path: string; file: File };

/** The files of a drop, those inside dropped folders too, with their paths below it. */
export async function droppedFiles(data: DataTransfer): Promise<Entry[]> {
  // Taken before the first await: the browser empties the list when the event is over.
  const roots = [...data.items].map((item) => item.webkitGetAsEntry());
  const found = await Promise.all(roots.map((root) => (root ? walk(root) : [])));
  return found.flat();
}

/** The files of an input, with paths when a whole folder was chosen. */
export function chosenFiles(input: HTMLInputElement): Entry[] {
  return [...(input.files ?? [])].map((file) => ({
    path: file.webkitRelativePath || file.name,
    file,
  }));
}

async function walk(entry: FileSystemEntry): Promise<Entry[]> {
  const path = entry.fullPath.replace(/^\//u, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ path, file }];
  }
  const inside = await readFolder((entry as FileSystemDirectoryEntry).createReader());
  return (await Promise.all(inside.map(walk))).flat();
}

/** A reader gives a hundred entries at a time and an empty list at the end. */
async function readFolder(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
