import { isUtf8 } from 'node:buffer';
import { KyozoError } from '@kyozo/resource';
import * as Y from 'yjs';
import type { Database, Tenant, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Person } from '../storage/git.ts';
import type { FileRow } from '../workspaces/content-store.ts';
import type { FileStore, WriteOptions } from '../workspaces/file-store.ts';
import { changeTo, seed, textOf } from './document-text.ts';
import { UpdateLog } from './update-log.ts';

type StateRow = { snapshot: Buffer; snapshot_seq: number; base_version: number };
type UpdateRow = { seq: number; update: Buffer; user_id: string | null };

/** A document in memory. `state` and `version` say what the newest version was made of. */
type Live = {
  document: Y.Doc;
  tenant: Tenant;
  log: UpdateLog;
  state: Uint8Array;
  version: number;
  authors: Set<string>;
  /** Publishing and following take turns. */
  turn: Promise<unknown>;
};

/** What follows a version that a live document made. */
export type Published = (teamId: string) => void;

/**
 * Text files that are being edited: loaded from their snapshot and log, every update durable before
 * it is acknowledged, and turned into versions. A version and the snapshot of exactly its state
 * become true in one transaction, which also folds the log.
 */
export class LiveDocuments {
  readonly #database: Database;
  readonly #files: FileStore;
  readonly #published: Published;
  readonly #live = new Map<string, Live>();

  constructor(database: Database, files: FileStore, published: Published) {
    this.#database = database;
    this.#files = files;
    this.#published = published;
  }

  /**
   * Fills an empty Y.Doc with a file's document and starts logging its updates.
   * @param personOf who made an update, by its Yjs transaction origin
   * @throws KyozoError for a file that is no text or in the trash
   */
  async open(
    tenant: Tenant,
    fileId: string,
    document: Y.Doc,
    personOf: (origin: unknown) => string | undefined,
  ): Promise<void> {
    const row = await this.#editable(tenant, fileId);
    const found = (await this.#state(tenant, fileId)) ?? (await this.#seed(tenant, row));
    Y.applyUpdate(document, found.snapshot);
    const updates = await this.#database.rows<UpdateRow>(
      tenant,
      sql`select seq, update, user_id from document_updates where file_id = ${fileId} and seq > ${found.snapshot_seq} order by seq`,
    );
    for (const { update } of updates) Y.applyUpdate(document, update);
    const log = new UpdateLog(
      this.#database,
      tenant.teamId,
      fileId,
      updates.at(-1)?.seq ?? found.snapshot_seq,
    );
    const live: Live = {
      document,
      tenant,
      log,
      state: found.snapshot,
      version: found.base_version,
      authors: new Set(updates.map((update) => update.user_id).filter((id) => id !== null)),
      turn: Promise.resolve(),
    };
    this.#live.set(fileId, live);
    // By the document itself: an id may have been opened again before the old one's end is told.
    document.on('destroy', () => {
      if (this.#live.get(fileId) === live) this.#live.delete(fileId);
    });
    document.on('update', (update: Uint8Array, origin: unknown) => {
      const person = personOf(origin);
      if (person) live.authors.add(person);
      log.append(update, person);
    });
    if (row.version > found.base_version) await this.follow(fileId);
  }

  /** Resolves with the log's number when all updates so far are durable. */
  async durable(fileId: string): Promise<number> {
    const live = this.#live.get(fileId);
    await live?.log.durable();
    return live?.log.seq ?? 0;
  }

  /** Whether all that a document was given is durable; nothing else may be unloaded. */
  isClean(fileId: string): boolean {
    return this.#live.get(fileId)?.log.isClean ?? true;
  }

  /** Records what the document holds as a version of its file; equal text makes none. */
  publish(fileId: string, message?: string): Promise<{ changed: boolean }> {
    const live = this.#live.get(fileId);
    if (!live) return Promise.resolve({ changed: false });
    return inTurn(live, () => this.#publish(live, fileId, message));
  }

  /** Publishes every open document of a workspace. */
  async publishAll(teamId: string, workspaceId: string): Promise<void> {
    const ours = [...this.#live].filter(([, { tenant }]) => tenant.teamId === teamId);
    for (const [fileId, { tenant }] of ours) {
      const row = await this.#files.find(tenant, fileId);
      if (row.workspace_id === workspaceId) await this.publish(fileId);
    }
  }

  /** Merges content that was written past the document into it; what was typed meanwhile stays. */
  async follow(fileId: string): Promise<void> {
    const live = this.#live.get(fileId);
    if (!live) return;
    await inTurn(live, async () => {
      const row = await this.#files.find(live.tenant, fileId);
      if (row.version <= live.version) return;
      const text = await this.#text(live.tenant, row);
      Y.applyUpdate(live.document, changeTo(live.state, row.path, text), 'follow');
      await live.log.durable();
      await this.#fold(live, fileId, row.version);
    });
  }

  /** Publishes everything and gives up the logs; the process ends. */
  async close(): Promise<void> {
    for (const [fileId, live] of this.#live) {
      await Promise.race([
        live.log.durable(),
        new Promise((resolve) => setTimeout(resolve, 5_000)),
      ]);
      await this.publish(fileId).catch(() => undefined);
      live.log.stop();
    }
  }

  async #publish(live: Live, fileId: string, message?: string): Promise<{ changed: boolean }> {
    await live.log.durable();
    const row = await this.#files.find(live.tenant, fileId);
    if (row.deleted_at || row.version !== live.version) return { changed: false };
    const state = Y.encodeStateAsUpdate(live.document);
    const seq = live.log.seq;
    const text = textOf(live.document, row.path, await this.#text(live.tenant, row));
    const authors = await this.#people(live);
    const by = [...live.authors].at(-1);
    live.authors.clear();
    const options: WriteOptions = {
      message,
      authors: authors.length > 0 ? authors : undefined,
      ifFileVersion: live.version,
      by,
      also: (transaction, version) => fold(transaction, fileId, state, seq, version),
    };
    const { version, changed } = await this.#files.write(
      live.tenant,
      fileId,
      Buffer.from(text, 'utf8'),
      options,
    );
    live.state = state;
    live.version = version;
    if (changed) this.#published(live.tenant.teamId);
    return { changed };
  }

  async #fold(live: Live, fileId: string, version: number): Promise<void> {
    const state = Y.encodeStateAsUpdate(live.document);
    const seq = live.log.seq;
    await this.#database.transaction(live.tenant, (transaction) =>
      fold(transaction, fileId, state, seq, version),
    );
    live.state = state;
    live.version = version;
  }

  async #editable(tenant: Tenant, fileId: string): Promise<FileRow> {
    const row = await this.#files.find(tenant, fileId);
    if (row.deleted_at) throw new KyozoError('conflict', 'The file is in the trash.');
    if (!row.live) throw new KyozoError('invalid', 'Only text can be edited live.');
    return row;
  }

  async #state(tenant: Tenant, fileId: string): Promise<StateRow | undefined> {
    const [row] = await this.#database.rows<StateRow>(
      tenant,
      sql`select snapshot, snapshot_seq, base_version from document_states where file_id = ${fileId}`,
    );
    return row;
  }

  /** Makes the document of a text that has none yet. Of several that seed at once one wins; all read it. */
  async #seed(tenant: Tenant, row: FileRow): Promise<StateRow> {
    const document = new Y.Doc();
    seed(document, row.path, await this.#text(tenant, row));
    const snapshot = Buffer.from(Y.encodeStateAsUpdate(document));
    document.destroy();
    await this.#database.rows(
      tenant,
      sql`insert into document_states (file_id, team_id, snapshot, base_version)
        values (${row.id}, ${tenant.teamId}, ${snapshot}, ${row.version}) on conflict do nothing`,
    );
    return (await this.#state(tenant, row.id))!;
  }

  async #text(tenant: Tenant, row: FileRow): Promise<string> {
    const bytes = await this.#files.bytes(tenant, row);
    if (!isUtf8(bytes)) throw new KyozoError('invalid', 'Only UTF-8 text can be edited live.');
    return bytes.toString('utf8');
  }

  async #people(live: Live): Promise<Person[]> {
    if (live.authors.size === 0) return [];
    return this.#database.rows<Person>(
      live.tenant,
      sql`select name, email from users where id = any(${[...live.authors]})`,
    );
  }
}

/** Takes a snapshot in place of the log up to `seq`, and names the version that it is the state of. */
async function fold(
  transaction: Transaction,
  fileId: string,
  state: Uint8Array,
  seq: number,
  version: number,
): Promise<void> {
  await transaction.rows(sql`update document_states
    set snapshot = ${Buffer.from(state)}, snapshot_seq = ${seq}, base_version = ${version} where file_id = ${fileId}`);
  await transaction.rows(
    sql`delete from document_updates where file_id = ${fileId} and seq <= ${seq}`,
  );
}

function inTurn<Result>(live: Live, work: () => Promise<Result>): Promise<Result> {
  const next = live.turn.then(work, work);
  live.turn = next.catch(() => undefined);
  return next;
}
