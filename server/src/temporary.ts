import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Opens the folder for what is held while a request lasts, empty: no request outlives the process. */
export async function openTemporary(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'tmp');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  return folder;
}
