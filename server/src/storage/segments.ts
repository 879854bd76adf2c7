import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
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

const cipher = ({ keySize }: SegmentFormat) => (keySize === 32 ? 'aes-256-gcm' : 'aes-128-gcm');
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
  readonly #key: Buffer;

  private constructor(key: Uint8Array, header: Buffer, about: Uint8Array, format: SegmentFormat) {
    this.header = header;
    this.#format = format;
    const salt = header.subarray(1, 1 + format.keySize);
    this.#key = Buffer.from(hkdfSync(format.hash, key, salt, about, format.keySize));
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

  /**
   * The pieces of a sealed segment, tag last. In this thread: WebCrypto's thread pool was tried, and the
   * copies to and from it took more than twice the time of the cipher itself.
   */
  seal(number: number, last: boolean, chunks: readonly Uint8Array[]): Buffer[] {
    const sealing = createCipheriv(cipher(this.#format), this.#key, this.#nonce(number, last));
    const sealed = chunks.map((chunk) => sealing.update(chunk));
    sealing.final();
    return [...sealed, sealing.getAuthTag()];
  }

  /** The pieces of a segment's content, once all of it is known to be right. Errors: StorageDamaged. */
  open(number: number, last: boolean, sealed: readonly Uint8Array[]): Buffer[] {
    const { body, tag } = splitTag(sealed);
    try {
      const opening = createDecipheriv(cipher(this.#format), this.#key, this.#nonce(number, last));
      opening.setAuthTag(tag);
      const opened = body.map((chunk) => opening.update(chunk));
      opening.final();
      return opened;
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

/** The last 16 bytes of a segment's pieces, and what is before them. Errors: StorageDamaged. */
function splitTag(sealed: readonly Uint8Array[]): { body: Uint8Array[]; tag: Buffer } {
  const body = [...sealed];
  let tag = Buffer.alloc(0);
  while (tag.length < TAG) {
    const end = body.pop();
    if (!end) throw new StorageDamaged('A segment is too short.');
    const cut = Math.max(0, end.length - (TAG - tag.length));
    tag = Buffer.concat([end.subarray(cut), tag]);
    if (cut > 0) body.push(end.subarray(0, cut));
  }
  return { body, tag };
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
  for await (let chunk of body) {
    // A full segment waits for one more byte: only the end tells which segment is the last.
    while (chunk.length > room) {
      yield* segments.seal(number, false, [...kept, chunk.subarray(0, room)]);
      chunk = chunk.subarray(room);
      number += 1;
      kept = [];
      room = format.segment - TAG;
    }
    kept.push(chunk);
    room -= chunk.length;
  }
  yield* segments.seal(number, true, kept);
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
  let missing = number === 0 ? format.segment - headerSize(format) : format.segment;
  for await (let chunk of body) {
    while (chunk.length >= missing) {
      yield* segments.open(number, number === total - 1, [...kept, chunk.subarray(0, missing)]);
      chunk = chunk.subarray(missing);
      number += 1;
      kept = [];
      missing = format.segment;
    }
    if (chunk.length > 0) kept.push(chunk);
    missing -= chunk.length;
  }
  if (kept.length > 0) {
    yield* segments.open(number, number === total - 1, kept);
    number += 1;
  }
  if (number !== end) throw new StorageDamaged('The ciphertext is cut off.');
}
