import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ContentStorage, Intake } from '../../src/storage/content.ts';
import { openDisk } from '../../src/storage/disk.ts';
import { Cipher } from '../../src/storage/encrypted.ts';
import { StorageDamaged } from '../../src/storage/errors.ts';
import { Segments, sealStream } from '../../src/storage/segments.ts';
import { Spool } from '../../src/storage/spool.ts';
import type { Stored } from '../../src/storage/storage.ts';
import { collect } from './collect.ts';
import { FixedKeys } from './content.ts';

const scope = { teamId: randomUUID(), workspaceId: randomUUID() };
let folder: string;
let keys: FixedKeys;
let storage: ContentStorage;
const fileOf = ({ address }: Stored, teamId = scope.teamId) =>
  join(folder, teamId, address.slice(0, 2), address.slice(2));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-encrypted-'));
  keys = new FixedKeys();
  const spool = await Spool.open(join(folder, 'tmp'));
  storage = new ContentStorage(await openDisk(folder), new Intake(spool, new Cipher(keys)));
});
afterEach(() => rm(folder, { recursive: true }));

test('nothing of the content lies on the disk in clear', async () => {
  const text = 'a secret sentence that nobody else may read. '.repeat(50_000);
  const stored = await storage.put(scope, Buffer.from(text));
  const bytes = await readFile(fileOf(stored));
  expect(bytes.includes('secret')).toBe(false);
  expect(bytes.length).toBeGreaterThan(text.length);
  expect(stored.size).toBe(text.length);
});

test('a range opens the segments that it touches and no other', async () => {
  const bytes = randomBytes(5_000_000);
  const stored = await storage.put(scope, bytes);
  const file = fileOf(stored);
  const written = await readFile(file);
  // The third segment is destroyed.
  written.fill(0, 37 + 2 * 2 ** 20, 37 + 3 * 2 ** 20);
  await writeFile(file, written);
  const read = async (start: number, end: number) =>
    buffer(await storage.get(scope, stored.address, { start, end }));
  expect((await read(10, 1_000_000)).equals(bytes.subarray(10, 1_000_000))).toBe(true);
  expect((await read(4_000_000, 4_999_999)).equals(bytes.subarray(4_000_000, 4_999_999))).toBe(
    true,
  );
  await expect(read(2_500_000, 2_500_001)).rejects.toBeInstanceOf(StorageDamaged);
});

test('ranges around the seams of segments are the bytes asked for', async () => {
  const bytes = randomBytes(2 * 2 ** 20 + 500);
  const { address } = await storage.put(scope, bytes);
  const seam = 2 ** 20 - 16 - 40;
  for (const start of [0, seam - 1, seam, seam + 1, seam + 2 ** 20 - 17, bytes.length - 1])
    for (const length of [1, 2, 3, 2 ** 20, 3 * 2 ** 20]) {
      const part = await buffer(await storage.get(scope, address, { start, end: start + length }));
      expect(part.equals(bytes.subarray(start, start + length))).toBe(true);
    }
});

test('a changed or cut file is an error, and its end is never handed out', async () => {
  const bytes = randomBytes(2_500_000);
  const stored = await storage.put(scope, bytes);
  const written = await readFile(fileOf(stored));
  for (const at of [0, 3, 6, 20, 44, 76, 77, 1_000_000, written.length - 1]) {
    const changed = Buffer.from(written);
    changed[at]! ^= 1;
    await writeFile(fileOf(stored), changed);
    expect(await lengthBeforeError(() => storage.get(scope, stored.address))).toBeLessThan(
      bytes.length,
    );
  }
  for (const end of [0, 4, 45, 76, 77, 90, 37 + 2 ** 20, 37 + 2 * 2 ** 20, written.length - 1]) {
    await writeFile(fileOf(stored), written.subarray(0, end));
    expect(await lengthBeforeError(() => storage.get(scope, stored.address))).toBeLessThan(
      bytes.length,
    );
  }
});

test('other content of the same team under the address does not open, whole or in part', async () => {
  const [one, two] = [
    await storage.put(scope, randomBytes(2_000_000)),
    await storage.put(scope, randomBytes(2_000_000)),
  ];
  const theirs = await readFile(fileOf(two));
  const unbound = Buffer.concat([Buffer.of(1), theirs.subarray(1, 5), theirs.subarray(37)]);
  for (const bytes of [theirs, unbound]) {
    await writeFile(fileOf(one), bytes);
    expect(await lengthBeforeError(() => storage.get(scope, one.address))).toBe(0);
    const part = { start: 10, end: 20 };
    expect(await lengthBeforeError(() => storage.get(scope, one.address, part))).toBe(0);
  }
});

test('content from before names were sealed is read, and known by its hash', async () => {
  const layOld = async (bytes: Buffer, address: string) => {
    const { key } = await keys.current(scope.teamId);
    const segments = Segments.create(key, Buffer.from(scope.teamId));
    const sealed = await collect(sealStream(segments, pieces(bytes)));
    const stored = { address, size: bytes.length, sha256: address };
    await mkdir(join(folder, scope.teamId, address.slice(0, 2)), { recursive: true });
    await writeFile(fileOf(stored), Buffer.concat([Buffer.of(1, 0, 0, 0, 1), ...sealed]));
  };
  const bytes = randomBytes(2_500_000);
  const address = createHash('sha256').update(bytes).digest('hex');
  await layOld(bytes, address);
  expect(await storage.head(scope, address)).toEqual({ size: bytes.length });
  expect((await buffer(await storage.get(scope, address))).equals(bytes)).toBe(true);
  const part = { start: 2_000_000, end: 2_000_010 };
  expect(await buffer(await storage.get(scope, address, part))).toEqual(
    bytes.subarray(2_000_000, 2_000_010),
  );
  const wrong = 'cd'.repeat(32);
  await layOld(bytes, wrong);
  expect(await lengthBeforeError(() => storage.get(scope, wrong))).toBeLessThan(bytes.length);
  expect(await lengthBeforeError(() => storage.get(scope, wrong, part))).toBe(0);
});

async function* pieces(bytes: Buffer) {
  yield bytes;
}

test("another team's file does not open", async () => {
  const other = { ...scope, teamId: randomUUID() };
  const theirs = await storage.put(other, Buffer.from('the same'));
  const ours = await storage.put(scope, Buffer.from('the same'));
  await writeFile(fileOf(ours), await readFile(fileOf(theirs, other.teamId)));
  expect(await lengthBeforeError(() => storage.get(scope, ours.address))).toBe(0);
});

test('old content stays readable when there is a new generation', async () => {
  const old = await storage.put(scope, Buffer.from('old'));
  keys.newest = 2;
  const recent = await storage.put(scope, Buffer.from('new'));
  expect((await readFile(fileOf(old))).readUInt32BE(1)).toBe(1);
  expect((await readFile(fileOf(recent))).readUInt32BE(1)).toBe(2);
  expect(String(await buffer(await storage.get(scope, old.address)))).toBe('old');
  expect(String(await buffer(await storage.get(scope, recent.address)))).toBe('new');
});

/** How much came before StorageDamaged. */
async function lengthBeforeError(get: () => Promise<Readable>): Promise<number> {
  let length = 0;
  const read = async () => {
    for await (const chunk of await get()) length += chunk.length;
  };
  await expect(read()).rejects.toBeInstanceOf(StorageDamaged);
  return length;
}

test('content from before encryption is read whole and in ranges, when its hash is right', async () => {
  const lay = async (bytes: Buffer, name = createHash('sha256').update(bytes).digest('hex')) => {
    const stored = { address: name, size: bytes.length, sha256: name };
    await mkdir(join(folder, scope.teamId, name.slice(0, 2)), { recursive: true });
    await writeFile(fileOf(stored), bytes);
    return name;
  };
  for (const bytes of [Buffer.alloc(0), Buffer.of(1), randomBytes(40), randomBytes(2_500_000)]) {
    const address = await lay(bytes);
    expect(await storage.head(scope, address)).toEqual({ size: bytes.length });
    expect((await buffer(await storage.get(scope, address))).equals(bytes)).toBe(true);
    for (const range of [
      { start: 0, end: 10 },
      { start: 1_000_000, end: 1_000_005 },
    ]) {
      const part = await buffer(await storage.get(scope, address, range));
      expect(part.equals(bytes.subarray(range.start, range.end))).toBe(true);
    }
  }
  const wrong = await lay(randomBytes(2_500_000), 'ab'.repeat(32));
  expect(await lengthBeforeError(() => storage.get(scope, wrong))).toBeLessThan(2_500_000);
  const part = { start: 5, end: 10 };
  expect(await lengthBeforeError(() => storage.get(scope, wrong, part))).toBe(0);
});

test('content that is stored again is new: its time is that of its last store', async () => {
  const store = await openDisk(folder);
  const stored = await storage.put(scope, Buffer.from('again'));
  await utimes(fileOf(stored), new Date(0), new Date(0));
  const times = async () => (await collect(store.list(scope.teamId))).map((it) => +it.storedAt);
  expect(await times()).toEqual([0]);
  await storage.put(scope, Buffer.from('again'));
  expect((await times())[0]).toBeGreaterThan(Date.now() - 60_000);
});
