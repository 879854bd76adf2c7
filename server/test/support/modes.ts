import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Everything in a folder, and the folder itself, that its group or others may read or write, as
 * `mode path`. Links are not followed: their own mode says nothing.
 */
export async function openToOthers(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name));
  const open: string[] = [];
  for (const path of [folder, ...paths]) {
    // What a running server removes meanwhile is open to nobody.
    const found = await lstat(path).catch(() => undefined);
    if (found && found.mode & 0o066) open.push(`${(found.mode & 0o7777).toString(8)} ${path}`);
  }
  return open;
}
