import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobStore } from './blob-store.ts';
import type { Cipher, Sealing } from './encrypted.ts';
import { StorageDamaged, StorageNotFound } from './errors.ts';
import type { Parcel, Spool } from './spool.ts';
import { assertUuid, type ByteRange, type Scope, type Storage, type Stored } from './storage.ts';

const ADDRESS = /^[0-9a-f]{64}$/;
const chunkSize = 2 ** 18;
const remembered = 10_000;

/**
 * Content in a blob store, named by its SHA-256: shared by a team's workspaces, never between teams, so
 * an address tells nothing about others. Encrypted where there is a cipher. One pass takes a body in.
 */
export class ContentStorage implements Storage {
  readonly #store: BlobStore;
  readonly #intake: Intake;
  /** Unbound content whose hash was found to be right, so that not each range reads the whole. */
  readonly #right = new Set<string>();

  constructor(store: BlobStore, intake: Intake) {
    this.#store = store;
    this.#intake = intake;
  }

  put(scope: Scope, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Stored> {
    return this.#intake.take(scope, body, async (stored, parcel) => {
      await this.#store.write(scope.teamId, stored.address, parcel);
      return stored;
    });
  }

  async get(scope: Scope, address: string, range?: ByteRange): Promise<Readable> {
    assertUuid(scope.teamId);
    if (!ADDRESS.test(address)) throw new StorageNotFound();
    const opened = await this.#intake.cipher?.read(this.#store, scope.teamId, address, range);
    if (opened?.bound) return stream(opened.body);
    if (range) await this.#verify(scope, address);
    const body = opened?.body ?? (await this.#store.read(scope.teamId, address, range));
    return stream(range ? body : checked(body, address));
  }

  async head(scope: Scope, address: string): Promise<{ size: number } | undefined> {
    assertUuid(scope.teamId);
    if (!ADDRESS.test(address)) return undefined;
    const size = await this.#store.size(scope.teamId, address);
    if (size === undefined) return undefined;
    const plain = await this.#intake.cipher?.plainSize(this.#store, scope.teamId, address, size);
    return { size: plain ?? size };
  }

  async *list(scope: Scope): AsyncIterable<string> {
    for await (const { name } of this.#store.list(scope.teamId)) yield name;
  }

  async delete(scope: Scope, address: string): Promise<void> {
    assertUuid(scope.teamId);
    if (ADDRESS.test(address)) await this.#store.remove(scope.teamId, address);
  }

  destroy(teamId: string): Promise<void> {
    return this.#store.destroy(teamId);
  }

  check(): Promise<void> {
    return this.#store.check();
  }

  /** Writes what an intake took, as `put` would. */
  write(scope: Scope, address: string, parcel: Parcel): Promise<void> {
    return this.#store.write(scope.teamId, address, parcel);
  }

  /** What is not bound to its name is known by its hash alone. Errors: StorageDamaged. */
  async #verify(scope: Scope, address: string): Promise<void> {
    const known = `${scope.teamId} ${address}`;
    if (this.#right.has(known)) return;
    for await (const _ of await this.get(scope, address));
    if (this.#right.size >= remembered) this.#right.clear();
    this.#right.add(known);
  }
}

/** Takes bodies in, in one pass: hashed, encrypted where there is a cipher, and spooled. */
export class Intake {
  readonly cipher: Cipher | undefined;
  readonly #spool: Spool;

  constructor(spool: Spool, cipher?: Cipher) {
    this.#spool = spool;
    this.cipher = cipher;
  }

  /** Hands `use` the parcel to be written; it may be written as often as needed. Errors: as `Storage.put`. */
  async take<Result>(
    scope: Scope,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    use: (stored: Stored, parcel: Parcel) => Promise<Result>,
  ): Promise<Result> {
    assertUuid(scope.teamId);
    const sealing: Sealing | undefined = await this.cipher?.begin(scope.teamId);
    const hash = createHash('sha256');
    let size = 0;
    const counted = (async function* () {
      for await (const chunk of body instanceof Uint8Array ? slices(body) : body) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    })();
    let sha256 = '';
    const start = () => {
      sha256 = hash.digest('hex');
      return sealing?.start(sha256);
    };
    return this.#spool.with(sealing ? sealing.seal(counted) : counted, start, (parcel) =>
      use({ address: sha256, size, sha256 }, parcel),
    );
  }
}

/** All of the content; its end is withheld until the whole has the hash that it is named by. */
async function* checked(
  body: AsyncIterable<Uint8Array>,
  sha256: string,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    if (held) yield held;
    held = chunk;
    hash.update(chunk);
  }
  if (hash.digest('hex') !== sha256) throw new StorageDamaged('The content has another hash.');
  if (held) yield held;
}

/** A body in memory goes the way of a stream, so that one of 100 MB is not copied as a whole. */
function* slices(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
}

const stream = (body: AsyncIterable<Uint8Array>): Readable =>
  Readable.from(body, { objectMode: false, highWaterMark: 2 ** 18 });
