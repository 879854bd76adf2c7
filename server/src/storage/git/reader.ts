/** Reads objects: loose ones directly, packed ones through libgit2. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createInflate, inflate, inflateSync } from 'node:zlib';
import { openRepository, type Repository } from 'es-git';
import { errorCode, StorageNotFound, StorageUnavailable } from '../errors.ts';
import type { ByteRange } from '../storage.ts';
import { RecentlyUsed } from './cache.ts';
import { isOid, loosePath, repositoryFolder } from './layout.ts';
import {
  type CommitFields,
  decodeCommit,
  decodeTree,
  type ObjectType,
  splitObject,
  type TreeEntry,
} from './objects.ts';
import { openPacked, type PackedObject } from './packed.ts';

export type ObjectInfo = { type: ObjectType; size: number; loose: boolean };

const inflateAsync = promisify(inflate);
const OPEN_REPOSITORIES = 64;
/** Counted in tree entries, about 150 bytes each. */
const CACHED_ENTRIES = 200_000;
const CACHED_COMMITS = 10_000;
/** Of small blobs, by repository: opening the same documents again and again is what people do. */
const CACHED_BYTES = 16 * 2 ** 20;
/** A blob whose loose file is larger is read as a stream. */
const SMALL_FILE = 64 * 1024;
/** What such a file may hold at most: zlib shrinks a thousandfold. */
const SMALL_BLOB = 2 ** 20;
/** A small blob is inflated into pieces of this size; zlib's own are 16 KiB, for the smallest one too. */
const CHUNK = 2_048;
const HEADER_BYTES = 64;

export class ObjectReader {
  #root: string;
  #open = new RecentlyUsed<Promise<Repository>>(OPEN_REPOSITORIES);
  /** Trees by their content's name, so a hit in another repository is the same tree. */
  #trees = new RecentlyUsed<readonly TreeEntry[]>(CACHED_ENTRIES);

  #commits = new RecentlyUsed<CommitFields>(CACHED_COMMITS);
  #blobs = new RecentlyUsed<Buffer>(CACHED_BYTES);

  constructor(root: string) {
    this.#root = root;
  }

  /** A blob's bytes as a stream; only a small one is ever whole in memory, and kept for a while. */
  async stream(repository: string, oid: string, range?: ByteRange): Promise<Readable> {
    if (!isOid(oid)) throw new StorageNotFound();
    const small = this.#small(repository, oid);
    if (Buffer.isBuffer(small)) return streamOf(small.subarray(range?.start, range?.end));
    const path = this.#path(repository, oid);
    const loose = small === 'larger' ? await readLooseHeader(path) : undefined;
    const packed = loose ? undefined : await this.#packed(repository, oid);
    if ((loose ?? packed)?.type !== 'blob') throw new StorageNotFound();
    if (packed) return streamOf(packed.content().subarray(range?.start, range?.end));
    return slice(createReadStream(path), range ?? { start: 0, end: loose!.size });
  }

  /** Type and size without the body; undefined when there is no such object. */
  async info(repository: string, oid: string): Promise<ObjectInfo | undefined> {
    if (!isOid(oid)) return undefined;
    const loose = await readLooseHeader(this.#path(repository, oid));
    if (loose) return { ...loose, loose: true };
    try {
      const { type, size } = await this.#packed(repository, oid);
      return { type, size, loose: false };
    } catch (error) {
      if (error instanceof StorageNotFound) return undefined;
      throw error;
    }
  }

  /** A tree's entries in git's order. Errors: StorageNotFound, StorageUnavailable. */
  async tree(repository: string, oid: string): Promise<readonly TreeEntry[]> {
    const cached = this.#trees.get(oid);
    if (cached) return cached;
    const loose = await this.#loose(repository, oid, 'tree');
    const entries = loose ? decodeTree(loose) : (await this.#packed(repository, oid)).entries();
    this.rememberTree(oid, entries);
    return entries;
  }

  /** Lets a writer hand in a tree that it has just encoded. */
  rememberTree(oid: string, entries: readonly TreeEntry[]): void {
    this.#trees.set(oid, entries, entries.length + 1);
  }

  /** A commit's fields. Errors: StorageNotFound, StorageUnavailable. */
  async commit(repository: string, oid: string): Promise<CommitFields> {
    const cached = this.#commits.get(repository + oid);
    if (cached) return cached;
    const loose = await this.#loose(repository, oid, 'commit');
    const fields = loose ? decodeCommit(loose) : (await this.#packed(repository, oid)).commit();
    this.rememberCommit(repository, oid, fields);
    return fields;
  }

  /** Lets a writer hand in a commit that it has just stored. */
  rememberCommit(repository: string, oid: string, fields: CommitFields): void {
    this.#commits.set(repository + oid, fields);
  }

  /** A small blob that lies loose; `larger` for any other object that does. */
  #small(repository: string, oid: string): Buffer | 'larger' | undefined {
    const key = repository + oid;
    const cached = this.#blobs.get(key);
    if (cached) return cached;
    const object = readSmall(this.#path(repository, oid));
    if (object === undefined || object === 'larger' || object.type !== 'blob')
      return object && 'larger';
    // Of its own size: what zlib answers may be the start of a larger buffer.
    const body = Buffer.from(object.body);
    this.#blobs.set(key, body, body.length + key.length);
    return body;
  }

  async #loose(repository: string, oid: string, type: ObjectType): Promise<Buffer | undefined> {
    if (!isOid(oid)) throw new StorageNotFound();
    try {
      const object = splitObject(await inflateAsync(await readFile(this.#path(repository, oid))));
      if (object.type === type) return object.body;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw new StorageUnavailable(error);
    }
    throw new StorageNotFound();
  }

  #path(repository: string, oid: string): string {
    return loosePath(repositoryFolder(this.#root, repository), oid);
  }

  async #packed(repository: string, oid: string): Promise<PackedObject> {
    const opened = await this.#repository(repository);
    return openPacked(opened, oid);
  }

  #repository(id: string): Promise<Repository> {
    let opened = this.#open.get(id);
    if (!opened) {
      opened = openRepository(repositoryFolder(this.#root, id), { bare: true });
      this.#open.set(id, opened);
    }
    return opened;
  }
}

/**
 * The object of a small loose file; `larger` when it is not small after all, or not in order. Read in this
 * thread, as packed ones are: by promises the first read of a file took as long as by `git cat-file`, five
 * times as long as this, most of it on the way between threads.
 */
function readSmall(path: string): ReturnType<typeof splitObject> | 'larger' | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return undefined;
    return found.size > SMALL_FILE ? 'larger' : splitSmall(readFileSync(path));
  } catch (error) {
    // Packed in this moment.
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new StorageUnavailable(error);
  }
}

/** A damaged object is told by who reads it as a stream. */
function splitSmall(file: Buffer): ReturnType<typeof splitObject> | 'larger' {
  try {
    return splitObject(inflateSync(file, { maxOutputLength: SMALL_BLOB, chunkSize: CHUNK }));
  } catch {
    return 'larger';
  }
}

async function readLooseHeader(path: string) {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES * 2), 0);
      const start = inflateSync(buffer.subarray(0, bytesRead), {
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      const { type, size } = splitObject(start);
      return { type, size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new StorageUnavailable(error);
  }
}

/** `Readable.from` takes five times as long for the same. */
function streamOf(bytes: Buffer): Readable {
  return new Readable({
    read() {
      this.push(bytes);
      this.push(null);
    },
  });
}

/** The wanted bytes of a loose object's body. */
function slice(file: Readable, { start, end }: ByteRange): Readable {
  let skip = -1;
  let left = Math.max(0, end - start);
  const cut = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let body = chunk;
      if (skip < 0) {
        body = chunk.subarray(chunk.indexOf(0) + 1);
        skip = start;
      }
      const skipped = Math.min(skip, body.length);
      skip -= skipped;
      body = body.subarray(skipped, skipped + left);
      left -= body.length;
      done(null, body);
    },
  });
  return file.compose(createInflate()).compose(cut);
}
