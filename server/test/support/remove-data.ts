import { readdir, realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Removes a data directory, or a folder of several, with their clusters: outside a folder that everybody
 * may enter a cluster lies elsewhere and is only linked.
 */
export async function removeData(folder: string): Promise<void> {
  const places = ['.', ...(await readdir(folder).catch(() => []))];
  for (const place of places) {
    const cluster = await realpath(join(folder, place, 'postgres')).catch(() => undefined);
    if (cluster) await rm(dirname(cluster), { recursive: true, force: true });
  }
  await rm(folder, { recursive: true, force: true });
}
