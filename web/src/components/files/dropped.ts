import type { Entry } from './uploads.svelte.ts';

/** What was dropped: files with their paths below it, and the folders in which nothing is. */
export type Dropped = { entries: Entry[]; emptyFolders: string[] };

/** The files of a drop, those inside dropped folders too. */
export async function droppedFiles(data: DataTransfer): Promise<Dropped> {
  // Taken before the first await: the browser empties the list when the event is over.
  const roots = [...data.items].map((item) => item.webkitGetAsEntry());
  return together(await Promise.all(roots.flatMap((root) => (root ? [walk(root)] : []))));
}

/** The files of an input, with paths when a whole folder was chosen. */
export function chosenFiles(input: HTMLInputElement): Entry[] {
  return [...(input.files ?? [])].map((file) => ({
    path: file.webkitRelativePath || file.name,
    file,
  }));
}

async function walk(entry: FileSystemEntry): Promise<Dropped> {
  const path = entry.fullPath.replace(/^\//u, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return { entries: [{ path, file }], emptyFolders: [] };
  }
  const inside = await readFolder((entry as FileSystemDirectoryEntry).createReader());
  if (inside.length === 0) return { entries: [], emptyFolders: [path] };
  return together(await Promise.all(inside.map(walk)));
}

function together(parts: readonly Dropped[]): Dropped {
  return {
    entries: parts.flatMap(({ entries }) => entries),
    emptyFolders: parts.flatMap(({ emptyFolders }) => emptyFolders),
  };
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
