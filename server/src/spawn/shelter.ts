import { chmod, cp, mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openToReaders } from '../file-modes.ts';

/** Where a server that runs as root keeps what its unprivileged children must be able to reach. */
export const shelter = '/var/lib/kyozo-store';

/** Makes the shelter, through which everybody may pass. */
export async function openShelter(): Promise<void> {
  await mkdir(shelter, { recursive: true });
  await chmod(shelter, 0o755);
}

/** Whether any user can reach a path: a checkout below /root or in a private temporary folder is not. */
export async function isReachable(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * A program or folder of programs as children of another user can run it: the path itself, or a copy
 * that is made once under `name`, which must tell versions apart.
 */
export async function sheltered(path: string, name: string): Promise<string> {
  if (process.getuid?.() !== 0 || (await isReachable(path))) return path;
  const copy = join(shelter, name);
  if (await stat(copy).catch(() => undefined)) return copy;
  await openShelter();
  const half = `${copy}.${process.pid}`;
  await cp(path, half, { recursive: true, verbatimSymlinks: true });
  if ((await stat(half)).isDirectory()) await openToReaders(half);
  else await chmod(half, 0o755);
  // Of two servers that start at once, one moves its copy in; both find a whole one.
  await rename(half, copy).catch(() => undefined);
  return copy;
}
