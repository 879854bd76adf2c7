import * as Y from 'yjs';
import type { Update } from './update-reader.ts';

/**
 * Whose the Yjs client ids of a document are. An id belongs for good to the person who first showed it,
 * by an edit or by a cursor: Yjs drops the second of two structs with one id and number, so whoever
 * could write under another's id would take away what the other types offline.
 */
export class ClientIds {
  readonly #owners: Map<number, string>;
  readonly #keep: (client: number, person: string) => void;

  /** @param keep makes a new owner durable */
  constructor(
    owners: Iterable<readonly [number, string]>,
    keep: (client: number, person: string) => void,
  ) {
    this.#owners = new Map(owners);
    this.#keep = keep;
  }

  /** Takes an id for a person; false when it is another's. */
  claim(client: number, person: string): boolean {
    const owner = this.#owners.get(client);
    if (owner === undefined) {
      this.#owners.set(client, person);
      this.#keep(client, person);
    }
    return owner === undefined || owner === person;
  }

  isAnothers(client: number, person: string): boolean {
    const owner = this.#owners.get(client);
    return owner !== undefined && owner !== person;
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
