import { randomBytes, randomUUID, webcrypto } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StorageDamaged } from '../../src/storage/errors.ts';
import { PassingFile } from '../../src/storage/passing-file.ts';
import { FixedKeys } from './content.ts';

const teamId = randomUUID();
const HEAD = 37;
let folder: string;
let path: string;
let keys: FixedKeys;
let file: PassingFile;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-passing-'));
  path = join(folder, 'file');
  keys = new FixedKeys();
  file = await PassingFile.create(path, await keys.current(teamId));
});
afterEach(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

const everything = { start: 0, end: Number.MAX_SAFE_INTEGER };

test('what was written in any pieces is read from any place, also after a new start', async () => {
  const bytes = randomBytes(3_000_001);
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + Math.floor((at * 7_919) % 100_003));
    await file.write(piece, at);
    at += piece.length;
  }
  await file.close();
  file = await PassingFile.open(path, keys, teamId);
  expect(await file.size()).toBe(bytes.length);
  expect((await buffer(file.read(everything))).equals(bytes)).toBe(true);
  for (const start of [0, 1, 15, 16, 17, 524_287, 524_288, 2_999_999]) {
    const part = await buffer(file.read({ start, end: start + 600_001 }));
    expect(part.equals(bytes.subarray(start, start + 600_001))).toBe(true);
  }
});

test('two readers and a writer do not disturb each other', async () => {
  const bytes = randomBytes(2_000_000);
  await file.write(bytes.subarray(0, 1_500_001), 0);
  const readers = [0, 700_003].map((start) => buffer(file.read({ start, end: 1_500_001 })));
  await file.write(bytes.subarray(1_500_001), 1_500_001);
  const [whole, rest] = await Promise.all(readers);
  expect(whole!.equals(bytes.subarray(0, 1_500_001))).toBe(true);
  expect(rest!.equals(bytes.subarray(700_003, 1_500_001))).toBe(true);
  expect((await buffer(file.read(everything))).equals(bytes)).toBe(true);
});

test('it goes on at any byte, and what lay behind that is gone', async () => {
  await file.write(Buffer.from('one two three'), 0);
  await file.truncate(4);
  await file.write(Buffer.from('four'), 4);
  expect((await buffer(file.read(everything))).toString()).toBe('one four');
});

test('on the disk it is AES-256-CTR under a key from the team and the salt, as another program computes it', async () => {
  const bytes = Buffer.from('a secret sentence. '.repeat(1_000));
  await file.write(bytes, 0);
  const raw = await readFile(path);
  expect(raw.includes('secret')).toBe(false);
  const { subtle } = webcrypto;
  const { key } = await keys.current(teamId);
  const base = await subtle.importKey('raw', key, 'HKDF', false, ['deriveBits']);
  const info = Buffer.from('kyozo passing file');
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: raw.subarray(5, 21), info };
  const derived = Buffer.from(await subtle.deriveBits(derivation, base, 48 * 8));
  expect(raw.subarray(21, HEAD)).toEqual(derived.subarray(32));
  const cipher = await subtle.importKey('raw', derived.subarray(0, 32), 'AES-CTR', false, [
    'decrypt',
  ]);
  const from = { name: 'AES-CTR', counter: new Uint8Array(16), length: 64 };
  const plain = await subtle.decrypt(from, cipher, raw.subarray(HEAD));
  expect(Buffer.from(plain).equals(bytes)).toBe(true);
});

test('the same content twice is other bytes each time', async () => {
  await file.write(Buffer.alloc(100), 0);
  const first = await readFile(path);
  await file.close();
  file = await PassingFile.create(path, await keys.current(teamId));
  await file.write(Buffer.alloc(100), 0);
  expect((await readFile(path)).subarray(HEAD).equals(first.subarray(HEAD))).toBe(false);
});

test('a key that has come since does not close it; another team, and another beginning, does', async () => {
  await file.write(Buffer.from('content'), 0);
  keys.newest = 2;
  const again = await PassingFile.open(path, keys, teamId);
  expect((await buffer(again.read(everything))).toString()).toBe('content');
  await again.close();
  const opened = (team: string) => PassingFile.open(path, keys, team);
  await expect(opened(randomUUID())).rejects.toBeInstanceOf(StorageDamaged);
  const raw = await open(path, 'r+');
  await raw.write(Buffer.from('PK'), 0, 2, 0);
  await raw.close();
  await expect(opened(teamId)).rejects.toBeInstanceOf(StorageDamaged);
});
