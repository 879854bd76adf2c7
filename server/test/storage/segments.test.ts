import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { StorageDamaged } from '../../src/storage/errors.ts';
import {
  headerSize,
  openStream,
  plainSize,
  type SegmentFormat,
  Segments,
  sealStream,
  segmentCount,
} from '../../src/storage/segments.ts';
import { collect } from './collect.ts';

/** Tink's own vector: `aes_gcm_hkdf_streaming_test_vectors.cc`, made by hand for its cross-language tests. */
const tink = {
  format: { hash: 'sha1', keySize: 16, segment: 64 } satisfies SegmentFormat,
  key: Buffer.from('6eb56cdc726dfbe5d57f2fcdc6e9345b', 'hex'),
  about: Buffer.from('aad'),
  plain:
    'This is a fairly long plaintext. It is of the exact length to create three output blocks. ',
  header: Buffer.from('1893b3af5e14ab378d065addfc8484da642c0862877baea8', 'hex'),
  body: Buffer.from(
    'db92d9c77406a406168478821c4298eab3e6d531277f4c1a051714faebcaefcbca7b7be05e9445ea' +
      'a0bb2904153398a25084dd80ae0edcd1c3079fcea2cd3770630ee36f7539207b8ec9d754956d486b' +
      '71cdf989f0ed6fba6779b63558be0a66e668df14e1603cd2' +
      'af8944844078345286d0b292e772e7190775c51a0f83e40c0b75821027e7e538e111',
    'hex',
  ),
};

test("Tink's published vector is sealed to the byte and opened", async () => {
  const { format, key, about, header, body, plain } = tink;
  const segments = Segments.read(key, header, about, format);
  const sealed = await collect(sealStream(segments, one(Buffer.from(plain)), format));
  expect(Buffer.concat(sealed).equals(Buffer.concat([header, body]))).toBe(true);
  const opened = openStream(segments, one(body), { first: 0, end: 3, total: 3 }, format);
  expect(Buffer.concat(await collect(opened)).toString()).toBe(plain);
  expect(plainSize(header.length + body.length, format)).toBe(plain.length);
});

const small: SegmentFormat = { hash: 'sha256', keySize: 32, segment: 100 };

test.each([0, 1, 43, 44, 45, 127, 128, 129, 211, 212, 213, 1_000])(
  '%i bytes come back, whatever the chunks',
  async (size) => {
    const plain = randomBytes(size);
    for (const step of [1, 7, 84, 100, 5_000]) {
      const sealed = await seal(plain, step);
      expect(plainSize(sealed.length, small)).toBe(size);
      expect((await open(sealed, step)).equals(plain)).toBe(true);
    }
  },
);

test('every changed byte, every cut and every exchange is an error', async () => {
  const sealed = await seal(randomBytes(300), 300);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    await expect(open(changed, 50)).rejects.toBeInstanceOf(StorageDamaged);
  }
  for (let end = 0; end < sealed.length; end++)
    await expect(open(sealed.subarray(0, end), 50)).rejects.toBeInstanceOf(StorageDamaged);
  const swapped = Buffer.concat([
    sealed.subarray(0, 100),
    sealed.subarray(200, 300),
    sealed.subarray(100, 200),
    sealed.subarray(300),
  ]);
  await expect(open(swapped, 50)).rejects.toBeInstanceOf(StorageDamaged);
  await expect(open(Buffer.concat([sealed, sealed.subarray(0, 30)]), 50)).rejects.toThrow();
});

const key = randomBytes(32);
const about = Buffer.from('a team');

async function seal(plain: Buffer, step: number): Promise<Buffer> {
  const segments = Segments.create(key, about, small);
  return Buffer.concat(await collect(sealStream(segments, inSteps(plain, step), small)));
}

async function open(sealed: Buffer, step: number): Promise<Buffer> {
  const start = headerSize(small);
  const segments = Segments.read(key, sealed.subarray(0, start), about, small);
  const total = segmentCount(sealed.length, small);
  const body = inSteps(sealed.subarray(start), step);
  return buffer(openStream(segments, body, { first: 0, end: total, total }, small));
}

async function* inSteps(bytes: Buffer, step: number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

const one = (bytes: Buffer) => inSteps(bytes, bytes.length);
