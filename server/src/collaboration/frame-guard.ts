import type { Connection, Document } from '@hocuspocus/server';
import { messageYjsSyncStep1, messageYjsUpdate } from 'y-protocols/sync';
import * as Y from 'yjs';
import { cleanState, clientsIn, type Shown } from './awareness-check.ts';
import { Budget, Outcasts, type Pausable } from './budget.ts';
import { type ClientIds, freshIn, without } from './client-ids.ts';
import {
  countOf,
  type DocumentSize,
  freshSize,
  fullReason,
  mostHeld,
  structsOf,
} from './document-size.ts';
import { checkUpdate } from './update-check.ts';
import { BadUpdate, clientsOf, readUpdate, TooMuch, type Update } from './update-reader.ts';

/** What one message may hold: as many structs as a document does. */
const most = { structs: mostHeld.structs, clients: 2_000, removals: mostHeld.structs };
/**
 * Microseconds that things take, measured: a message, its bytes, structs and removed ranges; structs and
 * bytes of a document that a question is answered with; a byte of a document that is opened, and the most
 * that opening takes, whatever its bytes are. Bytes are paid for before they are read, as what is read
 * longest: many small structs.
 */
const costs = {
  ...{ message: 50, byte: 0.04, struct: 2, removal: 1.5 },
  ...{ answered: 0.3, answeredByte: 0.005, reader: 5, opened: 0.1, mostOpened: 400_000 },
};
const awareness = 1;
/** Steps that placing items may take untried, and milliseconds that applying an update may take. */
const [mostSteps, mostTime] = [5_000_000, 1_500];

/** Close codes. A provider connects again after each; after the last two it is let in when it has waited. */
const startAnew = [4409, "Start anew: this client id is another person's"] as const;
const noEdit = [4400, 'This is no edit of a document; wait before you come back'] as const;
const tooCostly = [4429, 'This is more than the server takes; wait before you come back'] as const;

type Frame = { connection: Connection; document: Document };
/** Milliseconds that applying an update takes; undefined where it takes too long to say. */
type TimeOf = (document: Document, update: Uint8Array) => Promise<number | undefined>;
type Told = { fileId: string; userId: string; reason: string };

/**
 * Stands before Hocuspocus: each frame is looked at, within bounds, before anything of it is built, and
 * paid for by the person who sent it.
 */
export class FrameGuard {
  readonly #budget = new Budget();
  readonly #outcasts = new Outcasts();
  readonly #idsOf: (document: Document) => ClientIds;
  readonly #timeOf: TimeOf;
  readonly #sizeOf: (document: Document) => DocumentSize;
  readonly #fold: (document: Document) => Promise<void>;
  readonly #shownOf: (connection: Connection) => Shown;
  readonly #log: (told: Told) => void;
  /** Large updates of a document take turns: two that are quick alone may be slow together. */
  readonly #turns = new WeakMap<Document, Promise<unknown>>();
  /** The client id that each connection shows itself under. */
  readonly #own = new WeakMap<Connection, number>();

  constructor(options: {
    idsOf: (document: Document) => ClientIds;
    timeOf: TimeOf;
    sizeOf: (document: Document) => DocumentSize;
    /** Makes what a document holds a version, if it can: it counts for less then. */
    fold: (document: Document) => Promise<void>;
    shownOf: (connection: Connection) => Shown;
    log: (told: Told) => void;
  }) {
    this.#idsOf = options.idsOf;
    this.#timeOf = options.timeOf;
    this.#sizeOf = options.sizeOf;
    this.#fold = options.fold;
    this.#shownOf = options.shownOf;
    this.#log = options.log;
  }

  /** Seconds for which a person is not let into a document. */
  wait(person: string, fileId: string): number {
    return this.#outcasts.wait(person, fileId);
  }

  /** Before a document of so many bytes is opened for somebody: whoever opens many waits. */
  opening(person: string, bytes: number): Promise<void> {
    return this.#budget.owe(
      person,
      costs.message + Math.min(bytes * costs.opened, costs.mostOpened),
    );
  }

  /** Before a frame of any kind. @throws what closes the connection */
  async frame({ connection, document }: Frame, bytes: Uint8Array): Promise<void> {
    const part = awarenessIn(bytes);
    if (part) this.#seen(connection, document, part);
    const readers = part ? document.getConnectionsCount() * costs.reader : 0;
    await this.#spend(connection, costs.message + bytes.length * costs.byte + readers);
  }

  /**
   * Before a question or an update. What stands in an update under other people's ids is left out.
   * @throws what closes the connection
   */
  async sync({ connection, document }: Frame, kind: number, payload: Uint8Array): Promise<void> {
    if (kind === messageYjsSyncStep1) {
      const known = most.clients + 2 * document.store.clients.size;
      this.#orOut(connection, document, () => clientsOf(payload, known));
      const { bytes } = this.#sizeOf(document).now;
      const answer = structsOf(document) * costs.answered + bytes * costs.answeredByte;
      return this.#spend(connection, answer);
    }
    if (connection.readOnly) return;
    const update = this.#orOut(connection, document, () => this.#read(document, payload));
    await this.#spend(connection, update.structs * costs.struct + update.removals * costs.removal);
    await this.#makeRoom(connection, document, update);
    mustStand(connection);
    // Archived while the frame waited: Hocuspocus, which asks after this, applies it no more.
    if (connection.readOnly) return;
    const ids = this.#idsOf(document);
    const { id } = this.#shownOf(connection);
    const { own, others } = freshIn(document, ids, update, id);
    const isTyped = kind === messageYjsUpdate;
    if (isTyped && others.length > 0 && own.length === 0)
      throw this.#out(connection, document, startAnew, 'An edit as somebody else.');
    for (const client of own) ids.claim(client, id);
    if (others.length > 0) leaveOut(connection, document, payload, update, others);
    else if (update.items.length * (structsOf(document) + update.items.length) > mostSteps)
      await this.#try(connection, document, payload).then(() => mustStand(connection));
  }

  /** Takes from a message about who is where all that is not the sender's own. */
  awareness({ connection, document }: Frame, states: Map<number, unknown>): void {
    const own = this.#own.get(connection);
    const shown = this.#shownOf(connection);
    for (const [client, state] of states) {
      const clean = client === own ? cleanState(state, shown) : undefined;
      if (clean) states.set(client, clean);
      else states.delete(client);
    }
    if (own !== undefined) this.#idsOf(document).claim(own, shown.id);
  }

  /** Takes the client id that a connection shows first, alone and before it can know another's, for its own. */
  #seen(connection: Connection, document: Document, part: Uint8Array): void {
    const clients = this.#orOut(connection, document, () => clientsIn(part));
    const [first, ...more] = clients;
    if (first === undefined || more.length > 0 || this.#own.has(connection)) return;
    if (!this.#idsOf(document).isAnothers(first, this.#shownOf(connection).id))
      this.#own.set(connection, first);
  }

  /** Refuses what a document has no room for, and says so to whoever sent it. */
  async #makeRoom(connection: Connection, document: Document, update: Update): Promise<void> {
    const fresh = freshSize(document, update);
    if (!this.#sizeOf(document).takes(fresh)) await this.#fold(document);
    if (!this.#sizeOf(document).takes(fresh)) {
      const told = { type: 'unpublished', reason: fullReason };
      connection.sendStateless(JSON.stringify(told));
      this.#outcasts.add(this.#shownOf(connection).id, document.name);
      throw this.#out(connection, document, tooCostly, 'The document is full.');
    }
    this.#sizeOf(document).add(fresh);
  }

  /**
   * Applies a large update when a worker has applied it in time. Items that were put in one place at
   * the same time are compared with each other, so 8,000 of them can take more than a second.
   */
  async #try(connection: Connection, document: Document, payload: Uint8Array): Promise<void> {
    const before = this.#turns.get(document);
    const turn = (async () => {
      await before?.catch(() => undefined);
      const time = await this.#timeOf(document, payload);
      this.#orOut(connection, document, () => {
        if (time === undefined || time > mostTime) throw new TooMuch('Applying it takes too long.');
      });
      applyEarly(connection, document, payload, payload.slice());
    })();
    this.#turns.set(document, turn);
    await turn;
  }

  #read(document: Document, payload: Uint8Array): Update {
    // A browser sends all that was ever removed: it may be as much as the document itself has.
    const removals = most.removals + (payload.length > most.removals ? removedIn(document) : 0);
    const update = readUpdate(payload, { ...most, removals });
    checkUpdate(document, update);
    return update;
  }

  #orOut<Result>(connection: Connection, document: Document, read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      // Parents that come after their children, thousands of them, are beyond the stack.
      if (!(error instanceof BadUpdate || error instanceof RangeError)) throw error;
      const person = this.#shownOf(connection).id;
      this.#outcasts.add(person, document.name);
      const close = error instanceof TooMuch ? tooCostly : noEdit;
      throw this.#out(connection, document, close, error.message);
    }
  }

  #out(
    connection: Connection,
    document: Document,
    close: readonly [number, string],
    reason: string,
  ): Error {
    this.#log({ fileId: document.name, userId: this.#shownOf(connection).id, reason });
    connection.webSocket.close(...close);
    return new Error(reason);
  }

  /** @throws Error when the connection has ended meanwhile: its frames wait in a queue that goes on */
  async #spend(connection: Connection, cost: number): Promise<void> {
    const socket = connection.webSocket as unknown as Pausable;
    await this.#budget.spend(this.#shownOf(connection).id, cost, socket);
    mustStand(connection);
  }
}

/** A frame that waited past the end of its connection is not applied. @throws Error when it has ended */
function mustStand(connection: Connection): void {
  if (!connection.document.hasConnection(connection)) throw new Error('The connection has ended.');
}

/** The part of a frame that says who is where; a frame is an address, a type and its part. */
function awarenessIn(frame: Uint8Array): Uint8Array | undefined {
  // The address is a UUID, with a session's id at most: its length takes one byte.
  const at = 1 + frame[0]!;
  return frame[0]! < 128 && frame[at] === awareness ? frame.subarray(at + 1) : undefined;
}

const removedIn = (document: Y.Doc): number =>
  countOf(Y.createDeleteSetFromStructStore(document.store).clients);

/** Applies an update without what stands under other people's ids. */
function leaveOut(
  connection: Connection,
  document: Document,
  payload: Uint8Array,
  update: Update,
  others: readonly number[],
): void {
  applyEarly(connection, document, payload, without(payload, update, others));
}

/**
 * Applies an update. Hocuspocus then applies the frame itself, which is emptied for that: no clients and
 * no removals, whatever follows.
 */
function applyEarly(
  connection: Connection,
  document: Document,
  payload: Uint8Array,
  update: Uint8Array,
): void {
  Y.applyUpdate(document, update, { source: 'connection', connection });
  payload.fill(0);
}
