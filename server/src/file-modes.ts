import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Whatever this process and its children make is theirs alone, unless they open it by name. */
export function keepFilesPrivate(): void {
  process.umask(0o077);
}

/**
 * Takes from others what they may read or write in a data folder: in the folder itself, where
 * PostgreSQL passes through as its own user, and of everything directly in it, which shuts what lies
 * below. Earlier versions left them open.
 */
export async function shutDataDir(dataDir: string): Promise<void> {
  await restrict(dataDir, 0o711);
  for (const name of await readdir(dataDir)) await restrict(join(dataDir, name), 0o700);
}

async function restrict(path: string, most: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  // A link's mode says nothing; PostgreSQL keeps its own folder shut.
  if (!found || found.isSymbolicLink() || found.uid !== process.getuid?.()) return;
  const mode = found.mode & 0o7777;
  if ((mode & most) !== mode) await chmod(path, mode & most);
}

/** Lets everybody read a folder and all in it, and run what its owner may run. */
export async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    await chmod(path, entry.isDirectory() || mode & 0o100 ? 0o755 : 0o644);
  }
}
