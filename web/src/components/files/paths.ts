import type { FileRecord } from '../../types/records.ts';

/** Folders are not records: they are what the paths of files have in common. */
export type Folder = { path: string; name: string; count: number; changed: string };

/** What lies directly in a folder; the top is `''`. */
export function contentsOf(
  files: readonly FileRecord[],
  folder: string,
): { folders: Folder[]; files: FileRecord[] } {
  const prefix = folder && `${folder}/`;
  const folders = new Map<string, Folder>();
  const here: FileRecord[] = [];
  for (const file of files) {
    if (!file.path.startsWith(prefix)) continue;
    const rest = file.path.slice(prefix.length);
    const slash = rest.indexOf('/');
    if (slash === -1) here.push(file);
    else count(folders, prefix + rest.slice(0, slash), file);
  }
  return { folders: [...folders.values()].toSorted(byName), files: here.toSorted(byName) };
}

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

/** `name`, or `name 2` and so on until no file has the path. */
export function freePath(files: readonly FileRecord[], folder: string, name: string): string {
  const taken = new Set(files.map((file) => file.path.toLowerCase()));
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  let path = joinPath(folder, name);
  for (let number = 2; taken.has(path.toLowerCase()); number += 1) {
    path = joinPath(folder, `${stem} ${number}${extension}`);
  }
  return path;
}

function count(folders: Map<string, Folder>, path: string, file: FileRecord): void {
  const folder = folders.get(path);
  if (!folder) {
    folders.set(path, { path, name: nameOf(path), count: 1, changed: file.updatedAt });
    return;
  }
  folder.count += 1;
  if (file.updatedAt > folder.changed) folder.changed = file.updatedAt;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function byName(a: { name: string }, b: { name: string }): number {
  return collator.compare(a.name, b.name);
}
