import type { Connection, Document } from '@hocuspocus/server';
import * as Y from 'yjs';

type Person = (connection: Connection) => string;

/** Who uses which Yjs client id, while both the document and the connection last. */
const users = new WeakMap<Document, Map<number, Connection>>();

/**
 * Whether an update adds something under a client id that another person's open connection uses. Yjs
 * drops the second of two that have one id and number, so that person's next edits would be lost.
 * Edits that a browser made offline under an id of its own, and what it sends again, pass.
 * @param typed whether this is one edit, not all that a browser has: then its client id is taken
 * @throws Error for bytes that are no update
 */
export function addsAsAnother(
  document: Document,
  connection: Connection,
  update: Uint8Array,
  typed: boolean,
  personOf: Person,
): boolean {
  const fresh = [...Y.parseUpdateMeta(update).to]
    .filter(([client, end]) => end > Y.getState(document.store, client))
    .map(([client]) => client);
  if (typed && fresh.length === 1) return !claim(document, connection, fresh[0]!, personOf);
  return fresh.some((client) => isAnothers(document, connection, client, personOf));
}

/** Takes a client id for a connection; false when it is another person's. */
export function claim(
  document: Document,
  connection: Connection,
  client: number,
  personOf: Person,
): boolean {
  if (isAnothers(document, connection, client, personOf)) return false;
  const ids = users.get(document) ?? new Map<number, Connection>();
  users.set(document, ids.set(client, connection));
  return true;
}

function isAnothers(
  document: Document,
  connection: Connection,
  client: number,
  personOf: Person,
): boolean {
  const user = users.get(document)?.get(client);
  return (
    user !== undefined &&
    user !== connection &&
    document.hasConnection(user) &&
    personOf(user) !== personOf(connection)
  );
}
