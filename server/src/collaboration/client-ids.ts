import * as Y from 'yjs';
import type { Update } from './update-reader.ts';

/** Ids that a person keeps in one document: a page that is loaded anew takes another. */
export const mostIds = 10_000;

type Surroundings = {
  /** Makes a new owner durable. */
  keep: (client: number, person: string) => void;
  /** Takes ids away for good. */
  forget: (clients: number[]) => void;
  /** Whether anything in the document stands under an id. */
  isUsed: (client: number) => boolean;
};

/**
 * Whose the Yjs client ids of a document are. An id belongs for good to the person who first showed it,
 * by an edit or by a cursor: Yjs drops the second of two structs with one id and number, so whoever
 * could write under another's id would take away what the other types offline.
 */
export class ClientIds {
  /** The oldest first. */
  readonly #owners: Map<number, string>;
  readonly #counts = new Map<string, number>();
  readonly #surroundings: Surroundings;

  constructor(owners: Iterable<readonly [number, string]>, surroundings: Surroundings) {
    this.#owners = new Map(owners);
    this.#surroundings = surroundings;
    for (const person of this.#owners.values()) this.#count(person, 1);
  }

  /** Takes an id for a person; false when it is another's. */
  claim(client: number, person: string): boolean {
    const owner = this.#owners.get(client);
    if (owner === undefined) {
      this.#owners.set(client, person);
      this.#surroundings.keep(client, person);
      // Now and then, as it looks at all.
      const count = this.#count(person, 1);
      if (count > mostIds && count % 1_000 === 1) this.#forget(person, count - mostIds + 999);
    }
    return owner === undefined || owner === person;
  }

  isAnothers(client: number, person: string): boolean {
    const owner = this.#owners.get(client);
    return owner !== undefined && owner !== person;
  }

  /** Gives up a person's oldest ids that nothing in the document stands under. */
  #forget(person: string, count: number): void {
    const unused: number[] = [];
    for (const [client, owner] of this.#owners) {
      if (unused.length === count) break;
      if (owner === person && !this.#surroundings.isUsed(client)) unused.push(client);
    }
    for (const client of unused) this.#owners.delete(client);
    this.#count(person, -unused.length);
    this.#surroundings.forget(unused);
  }

  #count(person: string, more: number): number {
    const count = (this.#counts.get(person) ?? 0) + more;
    this.#counts.set(person, count);
    return count;
  }
}

/** What of an update is new, by whose ids it is. */
export type Fresh = { own: number[]; others: number[] };

/** The client ids under which an update adds something to a document. */
export function freshIn(document: Y.Doc, ids: ClientIds, update: Update, person: string): Fresh {
  const fresh = [...update.ends]
    .filter(([client, end]) => end > Y.getState(document.store, client))
    .map(([client]) => client);
  const others = fresh.filter((client) => ids.isAnothers(client, person));
  return { own: fresh.filter((client) => !ids.isAnothers(client, person)), others };
}

/**
 * An update without what stands under some ids. A browser also sends what it has read from others, and
 * after a crash that can be more than the server has; its own edits must get in all the same.
 */
export function without(bytes: Uint8Array, update: Update, clients: readonly number[]): Uint8Array {
  const known = new Map(clients.map((client) => [client, update.ends.get(client)!]));
  return Y.diffUpdate(bytes, Y.encodeStateVector(known));
}
