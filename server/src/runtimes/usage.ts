/** What a sandbox takes of the machine: memory, and the disk under its working copy. */
import { lstat, readdir, readFile, readlink, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** What the kernel keeps for one file in memory, in bytes. */
const INODE = 1024;
const BLOCK = 512;

/**
 * The memory of processes in bytes. Each page counts once, in equal parts for all that map it
 * (proportional set size), so that shared memory counts too; to this come the files that lie in the
 * memory of the sandbox of `loop`.
 */
export async function memoryOf(pids: readonly number[], loop: number): Promise<number> {
  const sizes = await Promise.all([
    ...pids.map(proportional),
    ...['/tmp', '/dev/shm'].map((path) => filesInMemory(`/proc/${loop}/root${path}`)),
  ]);
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function proportional(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const sizes = [...text.matchAll(/^(?:Pss|SwapPss): +(\d+) kB$/gm)];
  return sizes.reduce((sum, [, size]) => sum + Number(size) * 1024, 0);
}

const TMPFS = 0x01021994;

async function filesInMemory(path: string): Promise<number> {
  const found = await statfs(path).catch(() => undefined);
  if (found?.type !== TMPFS) return 0;
  return (found.blocks - found.bfree) * found.bsize + (found.files - found.ffree) * INODE;
}

export type Space = { bytes: number; entries: number };

/**
 * Whether a folder takes more than `most`; stops counting there. Links are not followed. What cannot
 * be looked at, for its depth or its mode, could hide anything and so counts as too much.
 */
export async function exceeds(folder: string, most: Space): Promise<boolean> {
  const taken: Space = { bytes: 0, entries: 0 };
  const folders = [folder];
  try {
    for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
      for (const entry of await listing(at)) {
        const path = join(at, entry.name);
        if (entry.isDirectory()) folders.push(path);
        taken.entries += 1;
        taken.bytes += (await lstat(path).catch(unlessGone))?.blocks ?? 0;
        if (taken.bytes * BLOCK > most.bytes || taken.entries > most.entries) return true;
      }
    }
    return false;
  } catch {
    return true;
  }
}

const listing = async (folder: string) =>
  (await readdir(folder, { withFileTypes: true }).catch(unlessGone)) ?? [];

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

/** Bytes of files that have no name any more but are open in one of the processes; no folder shows them. */
export async function unnamedBytes(pids: readonly number[]): Promise<number> {
  const sizes = new Map<string, number>();
  for (const pid of pids) {
    for (const name of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const path = `/proc/${pid}/fd/${name}`;
      const target = await readlink(path).catch(() => '');
      if (!target.endsWith(' (deleted)')) continue;
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) sizes.set(`${found.dev} ${found.ino}`, found.blocks * BLOCK);
    }
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
