import { Buffer } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import type { BlobStore } from './blob-store.ts';
import { StorageNotFound } from './errors.ts';
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
export type Sealing = { seal(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> };

/** Tink's prefix of a ciphertext: a 1, then which key it is, four bytes. */
const PREFIX = 5;
const format = oneMegabyte;
const START = PREFIX + headerSize(format);

/**
 * Encrypts with the team's key, and the team as associated data: a blob under another team does not
 * open. The layout is Tink's prefix and AES256_GCM_HKDF_1MB, so that any Tink reads it with the key.
 */
export class Cipher {
  readonly #keys: TeamKeys;

  constructor(keys: TeamKeys) {
    this.#keys = keys;
  }

  /** @throws whatever the keys' source throws */
  async begin(teamId: string): Promise<Sealing> {
    const { generation, key } = await this.#keys.current(teamId);
    const segments = Segments.create(key, Buffer.from(teamId));
    return {
      async *seal(body) {
        yield prefix(generation);
        yield* sealStream(segments, body);
      },
    };
  }

  /** Whether what begins so was written by us; content from before encryption lies in clear. */
  isSealed(head: Buffer): boolean {
    return head.length === START && head[0] === 1 && head[PREFIX] === headerSize(format);
  }

  /** Bytes of content behind `size` bytes in the store. Errors: StorageDamaged. */
  plainSize(size: number): number {
    return plainSize(size - PREFIX, format);
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
  ): Promise<AsyncIterable<Buffer> | undefined> {
    const size = await store.size(teamId, name);
    if (size === undefined) throw new StorageNotFound();
    const head = await this.head(store, teamId, name);
    if (!this.isSealed(head)) return undefined;
    const plain = this.plainSize(size);
    const start = Math.min(range?.start ?? 0, plain);
    const end = Math.min(range?.end ?? plain, plain);
    if (range && end <= start) return none();
    const total = segmentCount(size - PREFIX, format);
    const first = segmentOf(start, format);
    const last = end === plain ? total - 1 : segmentOf(end - 1, format);
    const segments = await this.#open(teamId, head);
    const part = {
      start: first === 0 ? START : PREFIX + first * format.segment,
      end: Math.min(PREFIX + (last + 1) * format.segment, size),
    };
    // Opened when it is first read: what nobody reads must hold no file open.
    const body = (async function* () {
      yield* await store.read(teamId, name, part);
    })();
    const opened = openStream(segments, body, { first, end: last + 1, total });
    const skip = start - plainStart(first, format);
    return range ? cut(opened, skip, end - start) : opened;
  }

  /** What `isSealed` judges by. Errors: StorageNotFound, StorageUnavailable. */
  async head(store: BlobStore, teamId: string, name: string): Promise<Buffer> {
    return buffer(await store.read(teamId, name, { start: 0, end: START }));
  }

  async #open(teamId: string, head: Buffer): Promise<Segments> {
    const { key } = await this.#keys.generation(teamId, head.readUInt32BE(1));
    return Segments.read(key, head.subarray(PREFIX), Buffer.from(teamId));
  }
}

function prefix(generation: number): Buffer {
  const bytes = Buffer.of(1, 0, 0, 0, 0);
  bytes.writeUInt32BE(generation, 1);
  return bytes;
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
