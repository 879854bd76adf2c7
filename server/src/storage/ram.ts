import { Readable } from 'node:stream';
import type { BlobStore, Listed } from './blob-store.ts';
import { StorageFull, StorageNotFound } from './errors.ts';
import { openParcel, type Parcel } from './spool.ts';
import { assertUuid, type ByteRange } from './storage.ts';

/** Keeps blobs in this process's memory, at most `limit` bytes; they are gone when it ends. */
export class RamStore implements BlobStore {
  readonly #limit: number;
  readonly #teams = new Map<string, Map<string, { bytes: Buffer; storedAt: Date }>>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async write(teamId: string, name: string, parcel: Parcel): Promise<void> {
    assertUuid(teamId);
    const known = this.#teams.get(teamId)?.get(name);
    if (known) {
      known.storedAt = new Date();
      return;
    }
    if (this.#used + parcel.size > this.#limit) throw new StorageFull();
    // Taken before the bytes are read, so that two writers cannot take the same room.
    this.#used += parcel.size;
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of openParcel(parcel)) chunks.push(chunk);
    } catch (error) {
      this.#used -= parcel.size;
      throw error;
    }
    const team = this.#teams.get(teamId) ?? new Map();
    this.#teams.set(teamId, team);
    this.#used -= team.get(name)?.bytes.length ?? 0;
    team.set(name, { bytes: Buffer.concat(chunks), storedAt: new Date() });
  }

  async read(teamId: string, name: string, range?: ByteRange): Promise<Readable> {
    const bytes = this.#find(teamId, name);
    if (!bytes) throw new StorageNotFound();
    const part = range ? bytes.subarray(range.start, Math.max(range.start, range.end)) : bytes;
    return Readable.from(part.length > 0 ? [part] : []);
  }

  async size(teamId: string, name: string): Promise<number | undefined> {
    return this.#find(teamId, name)?.length;
  }

  async *list(teamId: string): AsyncIterable<Listed> {
    assertUuid(teamId);
    for (const [name, { bytes, storedAt }] of [...(this.#teams.get(teamId) ?? [])])
      yield { name, size: bytes.length, storedAt };
  }

  async remove(teamId: string, name: string): Promise<void> {
    this.#used -= this.#find(teamId, name)?.length ?? 0;
    this.#teams.get(teamId)?.delete(name);
  }

  async destroy(teamId: string): Promise<void> {
    for await (const { name } of this.list(teamId)) await this.remove(teamId, name);
    this.#teams.delete(teamId);
  }

  async check(): Promise<void> {}

  #find(teamId: string, name: string): Buffer | undefined {
    assertUuid(teamId);
    return this.#teams.get(teamId)?.get(name)?.bytes;
  }
}
