import { createHash, randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { makeFolder, removeAbandoned, syncFolder } from './durable.ts';
import { StorageNotFound, toStorageError } from './errors.ts';
import { assertUuid, type ByteRange, type Scope, type Storage, type Stored } from './storage.ts';

const ADDRESS = /^[0-9a-f]{64}$/;

/**
 * Opens the disk backend below `folder`. Content lies at `<team>/ab/cdef…`, named by its SHA-256:
 * shared by a team's workspaces, never between teams, so an address tells nothing about others.
 */
export async function openDisk(folder: string): Promise<DiskStorage> {
  const root = resolve(folder);
  await makeFolder(join(root, 'tmp'));
  await removeAbandoned(join(root, 'tmp'));
  return new DiskStorage(root);
}

export class DiskStorage implements Storage {
  #root: string;
  /** Folders known to be durable, so that a second writer never overtakes their first fsync. */
  #folders = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  async put(scope: Scope, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Stored> {
    assertUuid(scope.teamId);
    const temporary = join(this.#root, 'tmp', randomUUID());
    try {
      const { size, sha256 } = await writeFile(temporary, body);
      const folder = join(this.#root, scope.teamId, sha256.slice(0, 2));
      await this.#folder(folder);
      await rename(temporary, join(folder, sha256.slice(2)));
      await syncFolder(folder);
      return { address: sha256, size, sha256 };
    } catch (error) {
      await rm(temporary, { force: true });
      throw toStorageError(error);
    }
  }

  async get(scope: Scope, address: string, range?: ByteRange): Promise<Readable> {
    const path = this.#path(scope, address);
    try {
      const handle = await open(path, 'r');
      if (!range) return handle.createReadStream();
      if (range.end > range.start) {
        return handle.createReadStream({ start: range.start, end: range.end - 1 });
      }
      await handle.close();
      return Readable.from([]);
    } catch (error) {
      throw toStorageError(error);
    }
  }

  async head(scope: Scope, address: string): Promise<{ size: number } | undefined> {
    assertUuid(scope.teamId);
    return orMissing(async () => {
      const { size } = await stat(this.#path(scope, address));
      return { size };
    });
  }

  async *list(scope: Scope): AsyncIterable<string> {
    assertUuid(scope.teamId);
    const team = join(this.#root, scope.teamId);
    for (const start of await namesIn(team)) {
      for (const rest of await namesIn(join(team, start))) yield start + rest;
    }
  }

  async delete(scope: Scope, address: string): Promise<void> {
    assertUuid(scope.teamId);
    await orMissing(() => unlink(this.#path(scope, address)));
  }

  /** Removes all content of a team. */
  async destroy(teamId: string): Promise<void> {
    assertUuid(teamId);
    const folder = join(this.#root, teamId);
    for (const path of this.#folders.keys()) {
      if (path.startsWith(`${folder}/`)) this.#folders.delete(path);
    }
    await rm(folder, { recursive: true, force: true });
  }

  #path(scope: Scope, address: string): string {
    assertUuid(scope.teamId);
    if (!ADDRESS.test(address)) throw new StorageNotFound();
    return join(this.#root, scope.teamId, address.slice(0, 2), address.slice(2));
  }

  #folder(path: string): Promise<void> {
    let made = this.#folders.get(path);
    if (!made) {
      made = makeFolder(path);
      this.#folders.set(path, made);
      made.catch(() => this.#folders.delete(path));
    }
    return made;
  }
}

async function writeFile(path: string, body: Uint8Array | AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  const handle = await open(path, 'wx', 0o600);
  let size = 0;
  try {
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      hash.update(chunk);
      size += chunk.length;
      await writeAll(handle, chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { size, sha256: hash.digest('hex') };
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, chunk: Uint8Array) {
  let at = 0;
  while (at < chunk.length) at += (await handle.write(chunk, at)).bytesWritten;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await orMissing(() => readdir(folder))) ?? [];
}

async function orMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const translated = toStorageError(error);
    if (translated instanceof StorageNotFound) return undefined;
    throw translated;
  }
}
