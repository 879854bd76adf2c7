import type { Readable } from 'node:stream';
import type { Parcel } from './spool.ts';
import type { ByteRange } from './storage.ts';

/** A blob as it lies. `size` is the ciphertext's, in bytes; `storedAt` the end of its last write. */
export type Listed = { name: string; size: number; storedAt: Date };

/**
 * Where named bytes of teams lie: a disk, S3, memory. `content.ts` makes a Storage of it, which names
 * content by its hash and encrypts it; a blob store sees names and ciphertext only.
 */
export interface BlobStore {
  /** Writes the whole parcel under the name, and renews its time where it is there already; durable when it resolves. Errors: StorageFull, StorageUnavailable. */
  write(teamId: string, name: string, parcel: Parcel): Promise<void>;
  /** The bytes, or a part cut to what is there. Errors: StorageNotFound, StorageUnavailable. */
  read(teamId: string, name: string, range?: ByteRange): Promise<Readable>;
  /** Bytes; undefined when there is nothing of that name. Errors: StorageUnavailable. */
  size(teamId: string, name: string): Promise<number | undefined>;
  /** All that a team has, in no order. Errors: StorageUnavailable. */
  list(teamId: string): AsyncIterable<Listed>;
  /** A missing name is no error. */
  remove(teamId: string, name: string): Promise<void>;
  /** Removes all that a team has. */
  destroy(teamId: string): Promise<void>;
  /** Resolves when it can be used now. Errors: StorageUnavailable. */
  check(): Promise<void>;
}
