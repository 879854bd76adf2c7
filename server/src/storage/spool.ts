import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, removeAbandoned } from './durable.ts';
import { toStorageError } from './errors.ts';

/** Bytes that are here as a whole and can be read as often as wanted: a second try loses nothing. */
export type Parcel = {
  /** Bytes. */
  size: number;
  /** In memory when small, else a file, which is not synced and must not be moved away. */
  body: Uint8Array | { file: string };
};

/** Larger bodies go to a file, bytes. */
const MEMORY = 2 ** 20;
/** As many as the system takes in one call (IOV_MAX). */
const PIECES = 1_024;

/** Takes a body in before it goes anywhere, so that its name is known and a failed write can be repeated elsewhere. */
export class Spool {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens the folder for bodies under way, and removes what a crash left in it. */
  static async open(folder: string): Promise<Spool> {
    await makeFolder(folder);
    await removeAbandoned(folder);
    return new Spool(folder);
  }

  /**
   * Takes the whole body in and hands it to `use`; removes it afterwards. What `start` says at the end
   * is written over the body's beginning. Nothing is durable by that.
   * Errors: the body's own, StorageFull, StorageUnavailable, and those of `use`.
   */
  async with<Result>(
    body: AsyncIterable<Uint8Array>,
    start: () => Uint8Array | undefined,
    use: (parcel: Parcel) => Promise<Result>,
  ): Promise<Result> {
    const file = join(this.folder, randomUUID());
    const sink = new Sink(file);
    try {
      for await (const chunk of body) await sink.take(chunk);
      return await use(await sink.end(start()));
    } catch (error) {
      throw toStorageError(error);
    } finally {
      await sink.abandon();
    }
  }
}

class Sink {
  readonly #file: string;
  #kept: Uint8Array[] = [];
  #keptSize = 0;
  #size = 0;
  #handle: FileHandle | undefined;
  /** The write under way: hashing and encrypting the next bytes goes on beside it. */
  #writing: Promise<void> = Promise.resolve();
  #opened = false;

  constructor(file: string) {
    this.#file = file;
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.#size += chunk.length;
    this.#keptSize += chunk.length;
    this.#kept.push(chunk);
    if (this.#keptSize > MEMORY) await this.#flush();
  }

  async end(start: Uint8Array = new Uint8Array()): Promise<Parcel> {
    if (!this.#handle) {
      const body = Buffer.concat(this.#kept);
      body.set(start);
      return { size: this.#size, body };
    }
    await this.#flush();
    await this.#writing;
    await this.#handle.write(start, 0, start.length, 0);
    await this.#close();
    return { size: this.#size, body: { file: this.#file } };
  }

  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#close();
    if (this.#opened) await rm(this.#file, { force: true });
  }

  async #flush(): Promise<void> {
    if (!this.#handle) {
      this.#handle = await open(this.#file, 'wx', 0o600);
      this.#opened = true;
    }
    const [handle, chunks] = [this.#handle, this.#kept];
    this.#kept = [];
    this.#keptSize = 0;
    await this.#writing;
    this.#writing = writeAll(handle, chunks);
    // Heard at the next flush or at the end.
    this.#writing.catch(() => undefined);
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** Writes every byte, also where the system takes less than it was given. */
export async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0);
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left.slice(0, PIECES));
    left = behind(left, bytesWritten);
  }
}

/** What of the chunks comes after so many bytes. */
function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let rest = bytes;
  const at = chunks.findIndex((chunk) => {
    if (rest < chunk.length) return true;
    rest -= chunk.length;
    return false;
  });
  return at < 0 ? [] : [chunks[at]!.subarray(rest), ...chunks.slice(at + 1)];
}

/** The bytes of a parcel from the start. */
export const openParcel = ({ body }: Parcel): AsyncIterable<Uint8Array> =>
  body instanceof Uint8Array ? one(body) : createReadStream(body.file, { highWaterMark: 2 ** 20 });

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
