import type { Readable } from 'node:stream';

/** Whose content it is. Addresses mean nothing outside their scope. */
export type Scope = { teamId: string; workspaceId: string };

export type Stored = {
  address: string;
  /** Bytes. */
  size: number;
  /** Lower-case hex of the content itself, whatever form the address has. */
  sha256: string;
};

/** The bytes from `start` up to, not including, `end`; what lies behind the content is cut off. */
export type ByteRange = { start: number; end: number };

/** Where content lies. Content is immutable; equal content has an equal address. */
export interface Storage {
  /** Stores content; durable when it resolves. Errors: StorageFull, StorageUnavailable. */
  put(scope: Scope, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Stored>;
  /** The content, or a part of it. Errors: StorageNotFound, StorageUnavailable. */
  get(scope: Scope, address: string, range?: ByteRange): Promise<Readable>;
  head(scope: Scope, address: string): Promise<{ size: number } | undefined>;
  /** The addresses of the scope, in no order. */
  list(scope: Scope): AsyncIterable<string>;
  /** Forgets the content where the backend can forget; a missing address is no error. */
  delete(scope: Scope, address: string): Promise<void>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Folders are named by uuid only; anything else is a fault of the caller. */
export function assertUuid(id: string): void {
  if (!UUID.test(id)) throw new TypeError('not a uuid');
}
