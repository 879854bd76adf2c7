import { chmod, mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Spawner } from '../spawn/spawner.ts';

export type Scratch = {
  folder: string;
  /** Removes what a cell could write, whatever it made of it. */
  remove(path: string): Promise<void>;
  close(): Promise<void>;
};

/**
 * A folder for the sandboxes' working copies. It lies in the system's temporary folder, because a
 * sandbox runs as another user who may not pass through a private DATA_DIR; a link in DATA_DIR
 * remembers it, so that what a killed server left is removed at the next start.
 */
export async function openScratch(dataDir: string, spawner: Spawner): Promise<Scratch> {
  const link = join(dataDir, 'runs');
  const remove = (path: string) => removeAll(spawner, path);
  const left = await readlink(link).catch(() => undefined);
  if (left) await remove(left);
  await rm(link, { recursive: true, force: true });
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-runs-'));
  await chmod(folder, 0o711);
  await symlink(folder, link);
  return {
    folder,
    remove,
    async close() {
      await remove(folder);
      await rm(link, { force: true });
    },
  };
}

/** A cell may nest folders deeper than a path can be long, and shut them against its own user. */
async function removeAll(spawner: Spawner, path: string): Promise<void> {
  if (await rm(path, { recursive: true, force: true }).then(yes, no)) return;
  const child = spawner.spawn('sh', ['-c', 'chmod -R u+rwX -- "$1"; rm -rf -- "$1"', 'sh', path]);
  child.stdin.end();
  child.stdout.resume();
  child.stderr.resume();
  await child.exited.catch(() => undefined);
}

const yes = () => true;
const no = () => false;
