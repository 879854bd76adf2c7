import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openDisk } from '../../../src/storage/disk.ts';
import { StorageUnavailable } from '../../../src/storage/errors.ts';
import { HybridStore } from '../../../src/storage/hybrid.ts';
import { S3Store } from '../../../src/storage/s3.ts';
import { namesOf } from '../collect.ts';
import { content } from '../content.ts';
import { storageContract } from '../contract.ts';
import { endpoint, newBucket, settings } from './support.ts';

/** One bucket for all: Ceph takes seconds to make another, and each test has teams of its own. */
const bucket = newBucket();

describe.skipIf(endpoint === undefined)('on a real S3', () => {
  for (const encrypted of [false, true]) {
    storageContract(encrypted ? 'encrypted S3' : 'S3', {
      open: (folder) =>
        content(folder, new S3Store(settings(endpoint!, bucket, 60_000)), encrypted),
      deletes: true,
    });
    storageContract(encrypted ? 'encrypted hybrid' : 'hybrid', {
      open: async (folder) => {
        const far = new S3Store(settings(endpoint!, bucket, 60_000));
        const store = new HybridStore(await openDisk(folder), far, { copied: true });
        return content(folder, store, encrypted);
      },
      deletes: true,
    });
  }

  test('a wrong key is unavailable, not missing', async () => {
    const wrong = { ...settings(endpoint!), secretAccessKey: 'wrong' };
    const store = new S3Store(wrong);
    const parcel = { size: 3, body: Buffer.from('abc') };
    const name = randomBytes(32).toString('hex');
    await expect(store.write(randomUUID(), name, parcel)).rejects.toBeInstanceOf(
      StorageUnavailable,
    );
    await expect(store.check()).rejects.toBeInstanceOf(StorageUnavailable);
  });

  test('destroy takes a team and nothing of another', async () => {
    const store = new S3Store(settings(endpoint!, newBucket()));
    const [one, two] = [randomUUID(), randomUUID()];
    const parcel = { size: 3, body: Buffer.from('abc') };
    const names = Array.from({ length: 5 }, () => randomBytes(32).toString('hex'));
    for (const name of names) await store.write(one, name, parcel);
    await store.write(two, names[0]!, parcel);
    await store.destroy(one);
    expect(await namesOf(store, one)).toEqual([]);
    expect(await namesOf(store, two)).toEqual([names[0]]);
  });
});
