import { chmod, mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder for the sandboxes' working copies. It lies in the system's temporary folder, because a
 * sandbox runs as another user who may not pass through a private DATA_DIR; a link in DATA_DIR
 * remembers it, so that what a killed server left is removed at the next start.
 */
export async function openScratch(
  dataDir: string,
): Promise<{ folder: string; close(): Promise<void> }> {
  const link = join(dataDir, 'runs');
  const left = await readlink(link).catch(() => undefined);
  if (left) await rm(left, { recursive: true, force: true });
  await rm(link, { recursive: true, force: true });
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-runs-'));
  await chmod(folder, 0o711);
  await symlink(folder, link);
  return {
    folder,
    async close() {
      await rm(folder, { recursive: true, force: true });
      await rm(link, { force: true });
    },
  };
}
