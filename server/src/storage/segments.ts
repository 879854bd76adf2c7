import { hkdfSync, randomBytes, webcrypto } from 'node:crypto';
import { StorageDamaged } from './errors.ts';

/**
 * Tink's streaming AEAD "AES-GCM-HKDF": a header (its length, a salt, 7 bytes of nonce), then segments
 * of AES-GCM, each with its number and whether it is the last in its nonce. The first is shorter by the
 * header, so that segment n begins at n × segment. The key of a stream follows from the salt by HKDF.
 * https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming
 */
export type SegmentFormat = {
  hash: 'sha1' | 'sha256';
  /** Bytes of the derived key, and of the salt. */
  keySize: 16 | 32;
  /** Bytes of a segment on disk, tag included. */
  segment: number;
};

/** AES256_GCM_HKDF_1MB, as everything new is kept. */
export const oneMegabyte: SegmentFormat = { hash: 'sha256', keySize: 32, segment: 2 ** 20 };

const { subtle } = webcrypto;
const TAG = 16;
const PREFIX = 7;

/** Bytes before the first segment. */
export const headerSize = ({ keySize }: SegmentFormat): number => 1 + keySize + PREFIX;

/** Bytes of content in `size` bytes of ciphertext. Errors: StorageDamaged. */
export function plainSize(size: number, format: SegmentFormat): number {
  const segments = segmentCount(size, format);
  const plain = size - headerSize(format) - segments * TAG;
  if (plain < 0) throw new StorageDamaged('The ciphertext is too short.');
  return plain;
}

export const segmentCount = (size: number, { segment }: SegmentFormat): number =>
  Math.max(1, Math.ceil(size / segment));

/** Which segment holds a byte of the content. */
export function segmentOf(at: number, format: SegmentFormat): number {
  return Math.floor((at + headerSize(format)) / (format.segment - TAG));
}

/** Where the content of a segment begins. */
export function plainStart(number: number, format: SegmentFormat): number {
  return number === 0 ? 0 : number * (format.segment - TAG) - headerSize(format);
}

/** Opens and seals the segments of one stream. */
export class Segments {
  readonly header: Buffer;
  readonly #format: SegmentFormat;
  readonly #key: Promise<webcrypto.CryptoKey>;

  private constructor(key: Uint8Array, header: Buffer, about: Uint8Array, format: SegmentFormat) {
    this.header = header;
    this.#format = format;
    const salt = header.subarray(1, 1 + format.keySize);
    const derived = hkdfSync(format.hash, key, salt, about, format.keySize);
    this.#key = subtle.importKey('raw', derived, 'AES-GCM', false, ['encrypt', 'decrypt']);
  }

  /** A new stream under `key`; `about` is bound to it and must be given again to read it. */
  static create(key: Uint8Array, about: Uint8Array, format = oneMegabyte): Segments {
    const size = headerSize(format);
    const header = Buffer.concat([Buffer.of(size), randomBytes(size - 1)]);
    return new Segments(key, header, about, format);
  }

  /** A stream that was written. Errors: StorageDamaged when this is no header. */
  static read(
    key: Uint8Array,
    header: Uint8Array,
    about: Uint8Array,
    format = oneMegabyte,
  ): Segments {
    const size = headerSize(format);
    if (header.length !== size || header[0] !== size)
      throw new StorageDamaged('The header of the ciphertext is wrong.');
    return new Segments(key, Buffer.from(header), about, format);
  }

  /** In the thread pool, so that the next bytes can be hashed meanwhile. */
  async seal(number: number, last: boolean, chunks: readonly Uint8Array[]): Promise<Buffer> {
    const about = { name: 'AES-GCM', iv: this.#nonce(number, last) };
    return Buffer.from(await subtle.encrypt(about, await this.#key, Buffer.concat(chunks)));
  }

  /** Errors: StorageDamaged. */
  async open(number: number, last: boolean, sealed: readonly Uint8Array[]): Promise<Buffer> {
    const about = { name: 'AES-GCM', iv: this.#nonce(number, last) };
    try {
      return Buffer.from(await subtle.decrypt(about, await this.#key, Buffer.concat(sealed)));
    } catch (cause) {
      throw new StorageDamaged('A segment was changed.', cause);
    }
  }

  #nonce(number: number, last: boolean): Buffer {
    const nonce = Buffer.alloc(12);
    this.header.copy(nonce, 0, 1 + this.#format.keySize);
    nonce.writeUInt32BE(number, PREFIX);
    nonce[11] = last ? 1 : 0;
    return nonce;
  }
}

/** The whole ciphertext of a stream of content, header first. */
export async function* sealStream(
  segments: Segments,
  body: AsyncIterable<Uint8Array>,
  format = oneMegabyte,
): AsyncIterable<Buffer> {
  yield segments.header;
  let number = 0;
  let kept: Uint8Array[] = [];
  let room = format.segment - TAG - headerSize(format);
  let ahead: Promise<Buffer> | undefined;
  for await (let chunk of body) {
    // A full segment waits for one more byte: only the end tells which segment is the last.
    while (chunk.length > room) {
      const sealed = segments.seal(number, false, [...kept, chunk.subarray(0, room)]);
      if (ahead) yield await ahead;
      ahead = sealed;
      chunk = chunk.subarray(room);
      number += 1;
      kept = [];
      room = format.segment - TAG;
    }
    kept.push(chunk);
    room -= chunk.length;
  }
  if (ahead) yield await ahead;
  yield await segments.seal(number, true, kept);
}

/**
 * The content of segments `first` to the end of `body`, of which `total` segments there are in all.
 * `body` begins at the segment's start (behind the header for the first). Errors: StorageDamaged.
 */
export async function* openStream(
  segments: Segments,
  body: AsyncIterable<Uint8Array>,
  { first, end, total }: { first: number; end: number; total: number },
  format = oneMegabyte,
): AsyncIterable<Buffer> {
  let number = first;
  let kept: Uint8Array[] = [];
  let ahead: Promise<Buffer> | undefined;
  let missing = number === 0 ? format.segment - headerSize(format) : format.segment;
  for await (let chunk of body) {
    while (chunk.length >= missing) {
      const sealed = [...kept, chunk.subarray(0, missing)];
      const opened = segments.open(number, number === total - 1, sealed);
      // Heard when its turn comes, or never when the reader has left.
      opened.catch(() => undefined);
      if (ahead) yield await ahead;
      ahead = opened;
      chunk = chunk.subarray(missing);
      number += 1;
      kept = [];
      missing = format.segment;
    }
    if (chunk.length > 0) kept.push(chunk);
    missing -= chunk.length;
  }
  if (ahead) yield await ahead;
  if (kept.length > 0) {
    yield await segments.open(number, number === total - 1, kept);
    number += 1;
  }
  if (number !== end) throw new StorageDamaged('The ciphertext is cut off.');
}
