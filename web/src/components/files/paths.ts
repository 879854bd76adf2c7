/** The folder a path lies in; `''` for the top. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A path inside a folder. */
export function joinPath(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

/** The folders on the way to a path, the outermost first. */
export function ancestorsOf(path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** `name`, or `name 2` and so on until no name in the folder is equal but for case. */
export function freeName(taken: readonly string[], name: string): string {
  const folded = new Set(taken.map((each) => each.toLowerCase()));
  const { stem, extension } = partsOf(name);
  let free = name;
  for (let number = 2; folded.has(free.toLowerCase()); number += 1) {
    free = `${stem} ${number}${extension}`;
  }
  return free;
}

/** A name without its extension, and the extension with its dot. */
export function partsOf(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.');
  return dot > 0
    ? { stem: name.slice(0, dot), extension: name.slice(dot) }
    : { stem: name, extension: '' };
}
