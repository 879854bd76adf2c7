import { KyozoError } from '@kyozo/resource';
import * as Y from 'yjs';
import { BadUpdate, readUpdate, TooMuch, type Update } from './update-reader.ts';

/** Bytes of updates, and the structs that they hold. */
export type Size = { bytes: number; structs: number };

/**
 * What a live document takes in: its state and the edits that are in no version yet. To read and check so
 * many structs takes the server's thread 0.2 s, to apply them 0.2 s more; the largest text that opens
 * live is 4 MiB.
 */
export const mostHeld: Size = { bytes: 16 * 2 ** 20, structs: 160_000 };

/** What opens. It is more than what is taken in by what may be written past an open document. */
const mostOpened: Size = { bytes: 32 * 2 ** 20, structs: 240_000 };

export const fullReason =
  'This document is too large for more live edits. Remove or move a part of it, or write the rest to another file.';

/** A document that opens for nobody: its file can be read as ever, and its log is kept. */
export class DocumentTooLarge extends KyozoError {
  constructor() {
    super(
      'conflict',
      'This document is too large to be edited live. Its file can be read as ever, and its edits are kept.',
    );
  }
}

/** How much a live document holds. What was typed counts as it came until it is part of a version. */
export class DocumentSize {
  #size: Size;

  constructor(size: Size) {
    this.#size = { ...size };
  }

  get now(): Size {
    return { ...this.#size };
  }

  /** Whether as much more may come. */
  takes({ bytes, structs }: Size): boolean {
    const size = this.#size;
    return size.bytes + bytes <= mostHeld.bytes && size.structs + structs <= mostHeld.structs;
  }

  add({ bytes, structs }: Size): void {
    this.#size.bytes += bytes;
    this.#size.structs += structs;
  }

  /** Counts `folded` in place of what was counted `then`; what came since stays. */
  fold(then: Size, folded: Size): void {
    this.add({ bytes: folded.bytes - then.bytes, structs: folded.structs - then.structs });
  }
}

/** What an update brings that a document has not. */
export function freshSize(document: Y.Doc, update: Update): Size {
  const fresh: Size = { bytes: 0, structs: 0 };
  for (const { client, clock, length, bytes } of update.items) {
    if (clock + length <= Y.getState(document.store, client)) continue;
    fresh.bytes += bytes;
    fresh.structs += 1;
  }
  return fresh;
}

/** Answers the bytes that are stored. @throws DocumentTooLarge for more bytes than open live, before any of them is read */
export function checkStored(bytes: number): number {
  if (bytes > mostOpened.bytes) throw new DocumentTooLarge();
  return bytes;
}

/**
 * How much a snapshot and a log hold. Reading stops at the limit.
 * @throws DocumentTooLarge for more than opens live
 */
export function storedSize(updates: readonly Uint8Array[]): Size {
  const size: Size = { bytes: 0, structs: 0 };
  for (const update of updates) {
    size.bytes += update.length;
    size.structs += structsIn(update, mostOpened.structs - size.structs);
  }
  return size;
}

function structsIn(update: Uint8Array, most: number): number {
  try {
    const limits = { structs: most, removals: Infinity, clients: Infinity };
    return readUpdate(update, limits).structs;
  } catch (error) {
    if (error instanceof TooMuch) throw new DocumentTooLarge();
    // Of before such things were refused: it opens as it always did.
    if (error instanceof BadUpdate) return 0;
    throw error;
  }
}

export const structsOf = (document: Y.Doc): number => countOf(document.store.clients);

export function countOf(lists: ReadonlyMap<number, readonly unknown[]>): number {
  let count = 0;
  for (const list of lists.values()) count += list.length;
  return count;
}
