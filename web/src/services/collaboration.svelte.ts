import { HocuspocusProvider, WebSocketStatus } from '@hocuspocus/provider';
import { IndexeddbPersistence } from 'y-indexeddb';
import * as Y from 'yjs';
import { connection } from './connection.svelte.ts';
import { localName } from './local-documents.ts';
import { tokens } from './tokens.ts';

export type SaveState = 'opening' | 'saving' | 'saved' | 'offline' | 'readOnly' | 'failed';
export type Person = { clientId: number; id: string; name: string };
type Author = { id: string; name: string };

/** Milliseconds that an edit may wait for its acknowledgement before the server is looked at. */
const patience = 3_000;

/**
 * One document that others may have open too. The server acknowledges an update only when it is
 * durable, so "nothing unacknowledged while connected" is what "Saved" means.
 */
export class LiveDocument {
  readonly document = new Y.Doc();
  readonly provider: HocuspocusProvider;
  people: Person[] = $state.raw([]);
  /** There is something true to show: the server's text, or what this device kept of it. */
  isReady = $state(false);
  /** What the server says of this document when it cannot make a version of it. */
  problem: string | undefined = $state();

  #isConnected = $state(false);
  #wasConnected = $state(false);
  #isUnsaved = $state(true);
  #isReadOnly = $state(false);
  #isRefused = $state(false);
  readonly #local: IndexeddbPersistence;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  readonly #stopListening: () => void;

  readonly state: SaveState = $derived.by(() => {
    if (this.#isRefused) return 'failed';
    if (!this.#isConnected || !connection.isOnline)
      return this.#wasConnected || this.isReady ? 'offline' : 'opening';
    if (this.#isReadOnly) return 'readOnly';
    return this.#isUnsaved ? 'saving' : 'saved';
  });

  readonly canWrite = $derived(!this.#isReadOnly && !this.#isRefused);

  constructor(fileId: string, author: Author) {
    this.#local = new IndexeddbPersistence(localName(author.id, fileId), this.document);
    this.#local.once('synced', () => {
      if (this.document.store.clients.size > 0) this.isReady = true;
    });
    this.provider = this.#connect(fileId);
    this.#stopListening = connection.onBack(() => this.#reconnect());
  }

  /** Resolves when the server has everything that was typed. */
  saved(): Promise<void> {
    if (this.state === 'saved') return Promise.resolve();
    return new Promise((resolve) => {
      const done = ({ number }: { number: number }) => {
        if (number > 0) return;
        this.provider.off('unsyncedChanges', done);
        resolve();
      };
      this.provider.on('unsyncedChanges', done);
    });
  }

  close(): void {
    clearTimeout(this.#waiting);
    clearTimeout(this.#unanswered);
    this.#stopListening();
    this.provider.destroy();
    void this.#local.destroy();
    this.document.destroy();
  }

  /** Not after the provider's own pause, which grows to half a minute; a socket may be dead unnoticed. */
  #reconnect(): void {
    const { websocketProvider: socket } = this.provider.configuration;
    if (socket.status === WebSocketStatus.Connected)
      socket.onClose({ event: new CloseEvent('close', { code: 4408, reason: 'away' }) });
    void socket.connect();
  }

  /** Looks at the server when an edit waits too long for its acknowledgement. */
  #watch(isUnsaved: boolean): void {
    clearTimeout(this.#unanswered);
    if (isUnsaved) this.#unanswered = setTimeout(() => connection.doubt(), patience);
  }

  #comeBack(seconds: number): void {
    this.#isConnected = false;
    clearTimeout(this.#waiting);
    const again = () => this.provider.sendToken().then(() => this.provider.startSync());
    this.#waiting = setTimeout(() => void again(), seconds * 1_000);
  }

  #connect(name: string): HocuspocusProvider {
    const protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    return new HocuspocusProvider({
      url: `${protocol}//${location.host}/collaboration`,
      name,
      document: this.document,
      token: async () => (await tokens.fresh()) ?? '',
      onAuthenticated: ({ scope }) => {
        this.#isReadOnly = scope === 'readonly';
        this.#isRefused = false;
      },
      onAuthenticationFailed: ({ reason }) => {
        // Whoever sent more than the server takes is let in again when they have waited.
        const seconds = Number(/^wait (\d+)$/.exec(reason)?.[1]);
        if (seconds > 0) this.#comeBack(seconds);
        else this.#isRefused = true;
        // A document that is too large to be edited live says so in words.
        if (this.#isRefused && reason !== 'permission-denied') this.problem = reason;
      },
      onStateless: ({ payload }) => {
        const told = JSON.parse(payload) as { type: string; reason?: string };
        if (told.type === 'unpublished') this.problem = told.reason;
        if (told.type === 'published') this.problem = undefined;
      },
      onSynced: () => {
        this.isReady = true;
        this.#isConnected = true;
        this.#wasConnected = true;
      },
      onUnsyncedChanges: ({ number }) => {
        this.#isUnsaved = number > 0;
        this.#watch(number > 0);
      },
      onDisconnect: () => {
        this.#isConnected = false;
        // A socket that was given up leaves it true, and then nothing says that it is synchronised again.
        this.provider.synced = false;
        connection.doubt();
      },
      onAwarenessChange: ({ states }) => {
        this.people = others(states, this.document.clientID);
      },
    });
  }
}

type State = { clientId: number; user?: { id?: string; name?: string } };

function others(states: readonly State[], ownId: number): Person[] {
  return states.flatMap(({ clientId, user }) =>
    clientId !== ownId && user?.name
      ? [{ clientId, id: user.id ?? String(clientId), name: user.name }]
      : [],
  );
}
