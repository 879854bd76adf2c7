import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  StorageDamaged,
  StorageNotFound,
  StorageUnavailable,
} from '../../../src/storage/errors.ts';
import { S3Store } from '../../../src/storage/s3.ts';
import { openStorages, type Storages } from '../../../src/storage/storages.ts';
import { collect, namesOf } from '../collect.ts';
import { FixedKeys } from '../content.ts';
import { FaultyProxy, type Mood } from './proxy.ts';
import { endpoint, newBucket, settings } from './support.ts';

const scope = { teamId: randomUUID(), workspaceId: randomUUID() };

describe.skipIf(endpoint === undefined)('an S3 that fails', { timeout: 120_000 }, () => {
  let folder: string;
  let proxy: FaultyProxy;
  let storages: Storages;
  let bucket: string;
  const s3Check = () => storages.parts.find(({ name }) => name === 'storage:s3')!.check();
  /** What really lies in the bucket, past the proxy. */
  const inBucket = () => namesOf(new S3Store(settings(endpoint!, bucket)), scope.teamId);

  beforeAll(async () => {
    // The first write ever makes Ceph's pools, which takes seconds.
    const name = randomBytes(32).toString('hex');
    await new S3Store(settings(endpoint!, newBucket(), 60_000)).write(scope.teamId, name, {
      size: 1,
      body: Buffer.of(1),
    });
    proxy = await FaultyProxy.start(endpoint!);
  });
  afterAll(() => proxy.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kyozo-failing-'));
    bucket = newBucket();
    proxy.become('passes');
    // A bucket takes its time; only what comes after is measured by the short limit.
    await new S3Store(settings(endpoint!, bucket, 60_000)).check();
    const s3 = settings(proxy.url, bucket, 4_000);
    storages = await openStorages({ dataDir: folder, s3, keys: new FixedKeys() });
  });
  afterEach(async () => {
    await storages.close();
    await rm(folder, { recursive: true });
  });

  test.each(['refuses', 'silent'] as Mood[])(
    'that %s: writes go to disk and say so, reads of the rest go on, it heals',
    async (mood) => {
      const before = await storages.put('s3', scope, randomBytes(3_000_000));
      expect(before.backend).toBe('s3');
      const local = await storages.put('disk', scope, Buffer.from('on disk'));
      const both = await storages.put('hybrid', scope, Buffer.from('on both'));
      expect(both.backend).toBe('hybrid');

      proxy.become(mood);
      const bytes = randomBytes(5_000_000);
      let read = 0;
      const once = (async function* () {
        for (let at = 0; at < bytes.length; at += 65_536) {
          read += 1;
          yield bytes.subarray(at, at + 65_536);
        }
      })();
      const instead = await storages.put('s3', scope, once);
      expect(instead).toMatchObject({ backend: 'disk', size: bytes.length });
      expect(read).toBe(Math.ceil(bytes.length / 65_536));
      const back = await storages.for('disk').get(scope, instead.address);
      expect((await buffer(back)).equals(bytes)).toBe(true);
      expect((await storages.put('hybrid', scope, Buffer.from('half'))).backend).toBe('disk');
      await expect(storages.for('s3').get(scope, before.address)).rejects.toBeInstanceOf(
        StorageUnavailable,
      );
      expect(String(await buffer(await storages.for('disk').get(scope, local.address)))).toBe(
        'on disk',
      );
      expect(String(await buffer(await storages.for('hybrid').get(scope, both.address)))).toBe(
        'on both',
      );
      await expect(s3Check()).rejects.toBeInstanceOf(StorageUnavailable);

      proxy.become('passes');
      await s3Check();
      const after = await storages.put('s3', scope, Buffer.from('back'));
      expect(after.backend).toBe('s3');
      const whole = await buffer(await storages.for('s3').get(scope, before.address));
      expect(whole.length).toBe(3_000_000);
      const lying = [before, both, after].map(({ address }) => address);
      expect((await inBucket()).sort()).toEqual(lying.sort());
    },
  );

  test('a dead one is not asked for each write', async () => {
    await s3Check();
    proxy.become('refuses');
    for (let at = 0; at < 3; at++) await storages.put('s3', scope, randomBytes(10));
    const asked = proxy.connections;
    for (let at = 0; at < 20; at++)
      expect((await storages.put('s3', scope, randomBytes(10))).backend).toBe('disk');
    expect(proxy.connections).toBe(asked);
  });

  test('that answers with other bytes: an error, never the bytes', async () => {
    const { address, backend } = await storages.put('s3', scope, randomBytes(3_000_000));
    expect(backend).toBe('s3');
    proxy.become('corrupts');
    const whole = async () => buffer(await storages.for('s3').get(scope, address));
    await expect(whole()).rejects.toBeInstanceOf(StorageDamaged);
    const part = async () =>
      buffer(await storages.for('s3').get(scope, address, { start: 1_500_000, end: 1_600_000 }));
    await expect(part()).rejects.toBeInstanceOf(StorageDamaged);
    proxy.become('cuts');
    await expect(whole()).rejects.toBeInstanceOf(StorageUnavailable);
    proxy.become('passes');
    expect((await whole()).length).toBe(3_000_000);
  });

  test('content moves from disk to S3 and is forgotten only where it no longer lies', async () => {
    const bytes = randomBytes(2_500_000);
    const { address } = await storages.put('disk', scope, bytes);
    const moved = await storages.move(scope, address, 'disk', 's3');
    expect(moved).toMatchObject({ backend: 's3', address });
    await storages.forget(scope, address, 'disk', 's3');
    await expect(storages.for('disk').get(scope, address)).rejects.toBeInstanceOf(StorageNotFound);
    expect((await buffer(await storages.for('s3').get(scope, address))).equals(bytes)).toBe(true);
    await storages.move(scope, address, 's3', 'hybrid');
    await storages.forget(scope, address, 's3', 'hybrid');
    expect(await inBucket()).toEqual([address]);
    await storages.move(scope, address, 'hybrid', 'disk');
    await storages.forget(scope, address, 'hybrid', 'disk');
    expect(await inBucket()).toEqual([]);
    expect((await buffer(await storages.for('disk').get(scope, address))).equals(bytes)).toBe(true);
  });

  test('what the disk kept under the name of S3 is found when S3 comes later', async () => {
    const without = await mkdtemp(join(tmpdir(), 'kyozo-failing-'));
    const first = await openStorages({ dataDir: without, keys: new FixedKeys() });
    const { address, backend } = await first.put('s3', scope, Buffer.from('early'));
    expect(backend).toBe('s3');
    await first.close();
    const s3 = settings(proxy.url, bucket);
    const second = await openStorages({ dataDir: without, s3, keys: new FixedKeys() });
    expect(String(await buffer(await second.for('s3').get(scope, address)))).toBe('early');
    await second.close();
    await rm(without, { recursive: true });
  });

  test('destroying a team takes it from every place', async () => {
    await storages.put('hybrid', scope, Buffer.from('x'));
    await storages.destroyTeam(scope.teamId, [scope.workspaceId]);
    expect(await inBucket()).toEqual([]);
    expect(await collect(storages.for('disk').list(scope))).toEqual([]);
  });
});
