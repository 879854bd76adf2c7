import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StorageFull } from '../../src/storage/errors.ts';
import { RamStore } from '../../src/storage/ram.ts';
import { content } from './content.ts';
import { storageContract } from './contract.ts';

// "After it is opened again" is asked of the same process: memory outlives nothing else.
const byFolder = new Map<string, RamStore>();
for (const encrypted of [false, true])
  storageContract(encrypted ? 'encrypted memory' : 'memory', {
    open: async (folder) => {
      const store = byFolder.get(folder) ?? new RamStore(64 * 2 ** 20);
      byFolder.set(folder, store);
      return content(folder, store, encrypted);
    },
    deletes: true,
  });

test('it says that it is full, keeps what it has, and has room again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-storage-'));
  const { storage } = await content(folder, new RamStore(1_000), false);
  const scope = { teamId: randomUUID(), workspaceId: randomUUID() };
  const first = await storage.put(scope, randomBytes(600));
  await expect(storage.put(scope, randomBytes(600))).rejects.toBeInstanceOf(StorageFull);
  expect(await storage.head(scope, first.address)).toEqual({ size: 600 });
  await storage.delete(scope, first.address);
  expect((await storage.put(scope, randomBytes(1_000))).size).toBe(1_000);
  await rm(folder, { recursive: true });
});
