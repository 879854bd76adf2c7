import type { Readable } from 'node:stream';
import type { BlobStore, Listed } from './blob-store.ts';
import { StorageError, StorageUnavailable } from './errors.ts';
import type { Parcel } from './spool.ts';
import type { ByteRange } from './storage.ts';

/** Failures in a row after which nobody waits any more. */
const most = 3;
/** How long, in milliseconds, until one caller tries again. */
const rest = 5_000;

/** A store that is down is not asked each time: after some failures in a row it says so at once, for a while. */
export class Breaker implements BlobStore {
  readonly #store: BlobStore;
  readonly #now: () => number;
  #failures = 0;
  #closedUntil = 0;

  constructor(store: BlobStore, now: () => number = () => performance.now()) {
    this.#store = store;
    this.#now = now;
  }

  write(teamId: string, name: string, parcel: Parcel): Promise<void> {
    return this.#ask(() => this.#store.write(teamId, name, parcel));
  }

  read(teamId: string, name: string, range?: ByteRange): Promise<Readable> {
    return this.#ask(() => this.#store.read(teamId, name, range));
  }

  size(teamId: string, name: string): Promise<number | undefined> {
    return this.#ask(() => this.#store.size(teamId, name));
  }

  list(teamId: string): AsyncIterable<Listed> {
    return this.#store.list(teamId);
  }

  remove(teamId: string, name: string): Promise<void> {
    return this.#ask(() => this.#store.remove(teamId, name));
  }

  destroy(teamId: string): Promise<void> {
    return this.#store.destroy(teamId);
  }

  /** Asks always: it is how a store that is back is noticed without a user who waits. */
  async check(): Promise<void> {
    try {
      await this.#store.check();
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  async #ask<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#failures >= most) {
      if (this.#now() < this.#closedUntil)
        throw new StorageUnavailable(new Error('It failed a moment ago and rests.'));
      // One caller tries; the others go on hearing no meanwhile.
      this.#closedUntil = this.#now() + rest;
    }
    try {
      const result = await work();
      this.#failures = 0;
      return result;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof StorageError) || error.code !== 'storage_unavailable') {
      // It answered.
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    if (this.#failures >= most) this.#closedUntil = this.#now() + rest;
  }
}
