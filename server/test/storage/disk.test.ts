import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDisk } from '../../src/storage/disk.ts';
import { content } from './content.ts';
import { storageContract } from './contract.ts';

for (const encrypted of [false, true])
  storageContract(encrypted ? 'encrypted disk' : 'disk', {
    open: async (folder) => content(folder, await openDisk(folder), encrypted),
    deletes: true,
  });

test('abandoned temporary files go at the start, those being written stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-storage-'));
  await openDisk(folder);
  const old = join(folder, 'tmp', 'old');
  await writeFile(old, 'x');
  await utimes(old, 0, 0);
  await writeFile(join(folder, 'tmp', 'new'), 'x');
  await openDisk(folder);
  expect(await readdir(join(folder, 'tmp'))).toEqual(['new']);
  await rm(folder, { recursive: true });
});
