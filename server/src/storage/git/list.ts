/** Lists a repository's objects: loose ones by their file names, packed ones from the pack indexes. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../errors.ts';

/** The ids of all objects, each once, of any type. */
export async function* objectIds(repository: string): AsyncIterable<string> {
  const objects = join(repository, 'objects');
  const seen = new Set<string>();
  for (const start of await namesIn(objects)) {
    if (!/^[0-9a-f]{2}$/.test(start)) continue;
    for (const rest of await namesIn(join(objects, start))) {
      if (!/^[0-9a-f]{38}$/.test(rest)) continue;
      seen.add(start + rest);
      yield start + rest;
    }
  }
  for (const name of await namesIn(join(objects, 'pack'))) {
    if (!name.endsWith('.idx')) continue;
    for (const oid of readIndex(await readFile(join(objects, 'pack', name)))) {
      if (!seen.has(oid)) yield oid;
      seen.add(oid);
    }
  }
}

/** Pack index version 2: magic, version, 256 running totals, then the ids in order. */
function* readIndex(bytes: Buffer): Generator<string> {
  const IDS = 8 + 256 * 4;
  const count = bytes.readUInt32BE(IDS - 4);
  for (let at = 0; at < count; at++) yield bytes.toString('hex', IDS + at * 20, IDS + at * 20 + 20);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
