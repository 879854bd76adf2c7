import type { Readable } from 'node:stream';
import type { BlobStore, Listed } from './blob-store.ts';
import { StorageNotFound } from './errors.ts';
import type { Parcel } from './spool.ts';
import type { ByteRange } from './storage.ts';

/**
 * Two stores as one. `copied`: writes go to both and are durable when both have them, so that either may
 * be lost. Else writes go to the first, and the second holds what was written before the first was there.
 * Reads come from the first, and from the second when the first fails or has it not.
 */
export class HybridStore implements BlobStore {
  readonly #first: BlobStore;
  readonly #second: BlobStore;
  readonly #copied: boolean;

  constructor(first: BlobStore, second: BlobStore, { copied }: { copied: boolean }) {
    this.#first = first;
    this.#second = second;
    this.#copied = copied;
  }

  async write(teamId: string, name: string, parcel: Parcel): Promise<void> {
    if (!this.#copied) return this.#first.write(teamId, name, parcel);
    // Both end before either's failure is told: nobody reads the parcel when it is removed.
    const all = await Promise.allSettled([
      this.#first.write(teamId, name, parcel),
      this.#second.write(teamId, name, parcel),
    ]);
    for (const one of all) if (one.status === 'rejected') throw one.reason;
  }

  read(teamId: string, name: string, range?: ByteRange): Promise<Readable> {
    return this.#either((store) => store.read(teamId, name, range));
  }

  size(teamId: string, name: string): Promise<number | undefined> {
    const ask = async (store: BlobStore) => {
      const size = await store.size(teamId, name);
      if (size === undefined) throw new StorageNotFound();
      return size;
    };
    return this.#either(ask).catch((error) => {
      if (error instanceof StorageNotFound) return undefined;
      throw error;
    });
  }

  async *list(teamId: string): AsyncIterable<Listed> {
    const seen = new Set<string>();
    for (const store of [this.#first, this.#second])
      for await (const listed of store.list(teamId)) {
        if (!seen.has(listed.name)) yield listed;
        seen.add(listed.name);
      }
  }

  async remove(teamId: string, name: string): Promise<void> {
    await this.#second.remove(teamId, name);
    await this.#first.remove(teamId, name);
  }

  async destroy(teamId: string): Promise<void> {
    await this.#second.destroy(teamId);
    await this.#first.destroy(teamId);
  }

  async check(): Promise<void> {
    await Promise.all([this.#first.check(), this.#second.check()]);
  }

  /** It is missing only when both say so: one that cannot be asked might have it. */
  async #either<Result>(ask: (store: BlobStore) => Promise<Result>): Promise<Result> {
    try {
      return await ask(this.#first);
    } catch (first) {
      return ask(this.#second).catch((second) => {
        throw second instanceof StorageNotFound ? first : second;
      });
    }
  }
}
