/** What every storage backend must do. Each backend's test hands in how to open one. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StorageNotFound } from '../../src/storage/errors.ts';
import type { Scope, Storage } from '../../src/storage/storage.ts';
import { collect } from './collect.ts';

type Opened = { storage: Storage; close(): Promise<void> };
type Options = { open(folder: string): Promise<Opened>; deletes: boolean };

export function storageContract(name: string, { open, deletes }: Options): void {
  describe(`${name} storage`, () => {
    let folder: string;
    let opened: Opened;
    let storage: Storage;
    // Teams of each test's own: what is slow to make, as a bucket of S3, may be one for all tests.
    let scope: Scope;
    let other: Scope;

    beforeEach(async () => {
      [scope, other] = [newScope(), newScope()];
      folder = await mkdtemp(join(tmpdir(), 'kyozo-storage-'));
      opened = await open(folder);
      storage = opened.storage;
    });
    afterEach(async () => {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    });

    test('gives back what was put, with its size and hash', async () => {
      for (const bytes of [Buffer.from('hello'), Buffer.alloc(0), randomBytes(100_000)]) {
        const stored = await storage.put(scope, bytes);
        expect(stored).toMatchObject({ size: bytes.length, sha256: sha256(bytes) });
        expect(await storage.head(scope, stored.address)).toEqual({ size: bytes.length });
        expect(await buffer(await storage.get(scope, stored.address))).toEqual(bytes);
      }
    });

    test('a stream and the same bytes at once have one address', async () => {
      const bytes = randomBytes(20_000);
      const streamed = await storage.put(scope, chunks(bytes, 999));
      expect(await storage.put(scope, bytes)).toEqual(streamed);
      expect(await collect(storage.list(scope))).toEqual([streamed.address]);
    });

    test('ranges are cut to the content', async () => {
      const { address } = await storage.put(scope, Buffer.from('0123456789'));
      const read = async (start: number, end: number) =>
        String(await buffer(await storage.get(scope, address, { start, end })));
      expect(await read(0, 10)).toBe('0123456789');
      expect(await read(3, 5)).toBe('34');
      expect(await read(8, 99)).toBe('89');
      expect(await read(4, 4)).toBe('');
      expect(await read(50, 60)).toBe('');
    });

    test('20 MB go in and out as streams', async () => {
      const bytes = randomBytes(20_000_000);
      const { address, size } = await storage.put(scope, chunks(bytes, 64 * 1024));
      expect(size).toBe(bytes.length);
      expect(await hashOf(await storage.get(scope, address))).toBe(sha256(bytes));
      const part = await storage.get(scope, address, { start: 15_000_000, end: 15_000_100 });
      expect(await buffer(part)).toEqual(bytes.subarray(15_000_000, 15_000_100));
    });

    test('many writers at once each get their own content back', async () => {
      const bodies = Array.from({ length: 60 }, (_, at) => Buffer.from(`body ${at % 40}`));
      const stored = await Promise.all(bodies.map((body) => storage.put(scope, body)));
      expect(new Set(stored.map(({ address }) => address)).size).toBe(40);
      const read = stored.map(async ({ address }) => buffer(await storage.get(scope, address)));
      expect(await Promise.all(read)).toEqual(bodies);
    });

    test('a missing or senseless address is missing', async () => {
      const { address } = await storage.put(scope, Buffer.from('there'));
      const missing = address.replace(/^./, (first) => (first === '0' ? '1' : '0'));
      for (const wrong of [missing, '', '..', '../x', address.slice(1), `${address}0`]) {
        await expect(storage.get(scope, wrong)).rejects.toBeInstanceOf(StorageNotFound);
        expect(await storage.head(scope, wrong)).toBeUndefined();
      }
    });

    test("another team's address is missing", async () => {
      const { address } = await storage.put(scope, Buffer.from('ours'));
      await storage.put(other, Buffer.from('theirs'));
      await expect(storage.get(other, address)).rejects.toBeInstanceOf(StorageNotFound);
      expect(await storage.head(other, address)).toBeUndefined();
      await storage.delete(other, address);
      expect(await storage.head(scope, address)).toEqual({ size: 4 });
      expect(await collect(storage.list(other))).not.toContain(address);
    });

    test('an id that is no uuid is refused', async () => {
      const bad = { teamId: '../..', workspaceId: '../..' };
      await expect(storage.put(bad, Buffer.from('x'))).rejects.toBeInstanceOf(TypeError);
      await expect(storage.head(bad, '0'.repeat(64))).rejects.toBeInstanceOf(TypeError);
    });

    test('a body that fails leaves nothing behind', async () => {
      const failing = (async function* () {
        yield Buffer.alloc(2_000_000);
        throw new Error('the client went away');
      })();
      await expect(storage.put(scope, failing)).rejects.toThrow();
      expect(await collect(storage.list(scope))).toEqual([]);
    });

    test(deletes ? 'delete forgets' : 'delete is kept by history', async () => {
      const kept = await storage.put(scope, Buffer.from('kept'));
      const gone = await storage.put(scope, Buffer.from('gone'));
      await storage.delete(scope, gone.address);
      await storage.delete(scope, gone.address);
      expect(await storage.head(scope, gone.address)).toEqual(deletes ? undefined : { size: 4 });
      expect(await storage.head(scope, kept.address)).toEqual({ size: 4 });
    });

    test('everything is there after it is opened again', async () => {
      const small = await storage.put(scope, Buffer.from('small'));
      const large = await storage.put(scope, randomBytes(3_000_000));
      await opened.close();
      opened = await open(folder);
      storage = opened.storage;
      const addresses = await collect(storage.list(scope));
      expect(addresses.sort()).toEqual([small.address, large.address].sort());
      expect(await hashOf(await storage.get(scope, large.address))).toBe(large.sha256);
    });
  });
}

function newScope(): Scope {
  return { teamId: randomUUID(), workspaceId: randomUUID() };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

async function* chunks(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
