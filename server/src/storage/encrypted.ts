import { Buffer } from 'node:buffer';
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { BlobStore } from './blob-store.ts';
import { StorageDamaged, StorageNotFound } from './errors.ts';
import {
  headerSize,
  oneMegabyte,
  openStream,
  plainSize,
  plainStart,
  Segments,
  sealStream,
  segmentCount,
  segmentOf,
} from './segments.ts';
import type { ByteRange } from './storage.ts';

/** Where the keys of teams come from. */
export interface TeamKeys {
  /** The key for new content, made when the team has none. 32 bytes. */
  current(teamId: string): Promise<TeamKey>;
  /** An older or the current key. Errors: StorageDamaged when there is none of that generation. */
  generation(teamId: string, generation: number): Promise<TeamKey>;
}
export type TeamKey = { generation: number; key: Uint8Array };

/** A body on its way in. */
export type Sealing = {
  /** The ciphertext; it begins with room for `start`. */
  seal(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** What belongs at the ciphertext's beginning, once the content's name is known. */
  start(name: string): Buffer;
};
/** What is read. `bound`: nothing else could have been read under that name. */
export type Opened = { bound: boolean; body: AsyncIterable<Uint8Array> };

/** The bytes before Tink's. BOUND: a 2, which key (four bytes), the name's seal. UNBOUND, as it was once: a 1, which key. */
const BOUND = 37;
const UNBOUND = 5;
const format = oneMegabyte;
const START = BOUND + headerSize(format);
const about = (teamId: string, bound: boolean) => Buffer.from(bound ? `${teamId} 2` : teamId);

/** The beginning of a ciphertext. `before` is where Tink's bytes begin. */
type Start = { before: number; generation: number; nameSeal?: Buffer; header: Buffer };

/**
 * Encrypts with the team's key, and the team as associated data: a blob under another team does not
 * open. Nor does one under another name of the same team, for its start holds a seal of the two. Behind
 * that the layout is AES256_GCM_HKDF_1MB, so that any Tink reads it with the key.
 */
export class Cipher {
  readonly #keys: TeamKeys;

  constructor(keys: TeamKeys) {
    this.#keys = keys;
  }

  /** @throws whatever the keys' source throws */
  async begin(teamId: string): Promise<Sealing> {
    const { generation, key } = await this.#keys.current(teamId);
    const segments = Segments.create(key, about(teamId, true));
    return {
      async *seal(body) {
        yield Buffer.alloc(BOUND);
        yield* sealStream(segments, body);
      },
      start(name) {
        const bytes = Buffer.of(2, 0, 0, 0, 0);
        bytes.writeUInt32BE(generation, 1);
        return Buffer.concat([bytes, sealOf(key, teamId, segments.header, name)]);
      },
    };
  }

  /** Bytes of content of a blob; undefined for what was never sealed. Errors: StorageNotFound, StorageDamaged. */
  async plainSize(store: BlobStore, teamId: string, name: string, size: number) {
    const start = await startOf(store, teamId, name);
    return start && plainSize(size - start.before, format);
  }

  /**
   * The content or a part of it; only the segments that it touches are read. Undefined for what was never
   * sealed. Errors: StorageNotFound, StorageDamaged.
   */
  async read(
    store: BlobStore,
    teamId: string,
    name: string,
    range?: ByteRange,
  ): Promise<Opened | undefined> {
    const [size, found] = await Promise.all([
      store.size(teamId, name),
      startOf(store, teamId, name),
    ]);
    if (size === undefined) throw new StorageNotFound();
    if (!found) return undefined;
    const { before, nameSeal } = found;
    const segments = await this.#open(teamId, name, found);
    const bound = nameSeal !== undefined;
    const plain = plainSize(size - before, format);
    const start = Math.min(range?.start ?? 0, plain);
    const end = Math.min(range?.end ?? plain, plain);
    if (range && end <= start) return { bound, body: none() };
    const total = segmentCount(size - before, format);
    const first = segmentOf(start, format);
    const last = end === plain ? total - 1 : segmentOf(end - 1, format);
    const part = {
      start: before + (first === 0 ? headerSize(format) : first * format.segment),
      end: Math.min(before + (last + 1) * format.segment, size),
    };
    // Opened when it is first read: what nobody reads must hold no file open.
    const sealed = (async function* () {
      yield* await store.read(teamId, name, part);
    })();
    const opened = openStream(segments, sealed, { first, end: last + 1, total });
    const skip = start - plainStart(first, format);
    return { bound, body: range ? cut(opened, skip, end - start) : opened };
  }

  /** Errors: StorageDamaged when the blob was not stored under that name. */
  async #open(teamId: string, name: string, start: Start): Promise<Segments> {
    const { generation, header, nameSeal } = start;
    const { key } = await this.#keys.generation(teamId, generation);
    if (nameSeal && !timingSafeEqual(nameSeal, sealOf(key, teamId, header, name)))
      throw new StorageDamaged('The content was stored under another name.');
    return Segments.read(key, header, about(teamId, nameSeal !== undefined));
  }
}

/** Says that the stream with this header is the content of that name. 32 bytes. */
function sealOf(key: Uint8Array, teamId: string, header: Uint8Array, name: string): Buffer {
  const sealing = Buffer.from(hkdfSync('sha256', key, header, `${teamId} name`, 32));
  return createHmac('sha256', sealing).update(name).digest();
}

/** Undefined for content from before encryption, which lies in clear. */
async function startOf(store: BlobStore, teamId: string, name: string): Promise<Start | undefined> {
  const bytes = await buffer(await store.read(teamId, name, { start: 0, end: START }));
  const before = bytes[0] === 2 ? BOUND : UNBOUND;
  const header = bytes.subarray(before, before + headerSize(format));
  if (bytes[0] !== 1 && bytes[0] !== 2) return undefined;
  if (header.length < headerSize(format) || header[0] !== headerSize(format)) return undefined;
  const generation = bytes.readUInt32BE(1);
  if (before === UNBOUND) return { before, generation, header };
  return { before, generation, header, nameSeal: bytes.subarray(UNBOUND, BOUND) };
}

async function* cut(
  body: AsyncIterable<Buffer>,
  skip: number,
  length: number,
): AsyncIterable<Buffer> {
  let at = -skip;
  for await (const chunk of body) {
    const part = chunk.subarray(Math.max(0, -at), Math.max(0, length - at));
    if (part.length > 0) yield part;
    at += chunk.length;
  }
}

async function* none(): AsyncIterable<Buffer> {}
