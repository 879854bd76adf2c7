import { randomUUID } from 'node:crypto';
import { access, constants, link, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { BlobStore, Listed } from './blob-store.ts';
import { makeFolder, removeAbandoned, syncFolder } from './durable.ts';
import { errorCode, StorageNotFound, toStorageError } from './errors.ts';
import { openParcel, type Parcel, writeAll } from './spool.ts';
import { assertUuid, type ByteRange } from './storage.ts';

const NAME = /^[0-9a-f]{64}$/;

/** Opens the disk below `folder`. A blob lies at `<team>/ab/cdef…`; what is being written in `tmp`. */
export async function openDisk(folder: string): Promise<DiskStore> {
  const root = resolve(folder);
  await makeFolder(join(root, 'tmp'));
  await removeAbandoned(join(root, 'tmp'));
  return new DiskStore(root);
}

export class DiskStore implements BlobStore {
  #root: string;
  /** Folders known to be durable, so that a second writer never overtakes their first fsync. */
  #folders = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  async write(teamId: string, name: string, parcel: Parcel): Promise<void> {
    const path = this.#path(teamId, name);
    const temporary = join(this.#root, 'tmp', randomUUID());
    try {
      await placeFile(temporary, parcel);
      const folder = join(this.#root, teamId, name.slice(0, 2));
      await this.#folder(folder);
      await rename(temporary, path);
      await syncFolder(folder);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw toStorageError(error);
    }
  }

  async read(teamId: string, name: string, range?: ByteRange): Promise<Readable> {
    const path = this.#path(teamId, name);
    if (range && range.end <= range.start) return Readable.from([]);
    try {
      const handle = await open(path, 'r');
      const part = range && { start: range.start, end: range.end - 1 };
      return handle.createReadStream({ ...part, highWaterMark: 2 ** 19 });
    } catch (error) {
      throw toStorageError(error);
    }
  }

  async size(teamId: string, name: string): Promise<number | undefined> {
    const path = this.#path(teamId, name);
    return orMissing(async () => (await stat(path)).size);
  }

  async *list(teamId: string): AsyncIterable<Listed> {
    assertUuid(teamId);
    const team = join(this.#root, teamId);
    for (const start of await namesIn(team)) {
      for (const rest of await namesIn(join(team, start))) {
        const found = await orMissing(() => stat(join(team, start, rest)));
        if (found) yield { name: start + rest, size: found.size, storedAt: found.mtime };
      }
    }
  }

  async remove(teamId: string, name: string): Promise<void> {
    const path = this.#path(teamId, name);
    await orMissing(() => unlink(path));
  }

  async destroy(teamId: string): Promise<void> {
    assertUuid(teamId);
    const folder = join(this.#root, teamId);
    for (const path of this.#folders.keys()) {
      if (path.startsWith(`${folder}/`)) this.#folders.delete(path);
    }
    await rm(folder, { recursive: true, force: true });
  }

  async check(): Promise<void> {
    try {
      await access(join(this.#root, 'tmp'), constants.R_OK | constants.W_OK);
    } catch (error) {
      throw toStorageError(error);
    }
  }

  #path(teamId: string, name: string): string {
    assertUuid(teamId);
    if (!NAME.test(name)) throw new StorageNotFound();
    return join(this.#root, teamId, name.slice(0, 2), name.slice(2));
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

/** Puts the parcel's bytes at a path, synced. A spooled file is linked, not written a second time. */
async function placeFile(path: string, parcel: Parcel): Promise<void> {
  const linked = !(parcel.body instanceof Uint8Array) && (await linkFile(parcel.body.file, path));
  const handle = await open(path, linked ? 'r+' : 'wx', 0o600);
  try {
    if (!linked) for await (const chunk of openParcel(parcel)) await writeAll(handle, [chunk]);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Another file system, or one without hard links, gets a copy. */
async function linkFile(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
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
