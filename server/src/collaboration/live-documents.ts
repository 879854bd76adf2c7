import { isUtf8 } from 'node:buffer';
import { setTimeout as pause } from 'node:timers/promises';
import { isMarkdown } from '@kyozo/markdown';
import { KyozoError } from '@kyozo/resource';
import * as Y from 'yjs';
import type { Database, Tenant, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Person } from '../storage/git.ts';
import type { FileRow } from '../workspaces/content-store.ts';
import type { FileStore, WriteOptions } from '../workspaces/file-store.ts';
import { ClientIds } from './client-ids.ts';
import { pathOfKind } from './document-kind.ts';
import { checkStored, DocumentSize, storedSize, structsOf } from './document-size.ts';
import type { Change } from './document-text.ts';
import { watchParked } from './parked.ts';
import { type TextPool, TextTooCostly } from './text-pool.ts';
import { UpdateLog } from './update-log.ts';

type StateRow = { snapshot: Buffer; snapshot_seq: number; base_version: number };
type UpdateRow = { seq: number; update: Buffer; user_id: string | null };

/** A document in memory. `state` is the document of exactly the text of `version`. */
type Live = {
  document: Y.Doc;
  tenant: Tenant;
  log: UpdateLog;
  ids: ClientIds;
  size: DocumentSize;
  state: Uint8Array;
  version: number;
  /** A path of the kind that the document was made for. */
  path: string;
  /** The version that is too costly to be read as Markdown, and stays source. */
  costly: number | undefined;
  /** How many updates it was given. */
  updates: number;
  /** Whether its people were told that it cannot be made a version. */
  stuck: boolean;
  authors: Set<string>;
  /** Closes it for everyone. */
  end: () => void;
  /** Says something to everybody in it. */
  tell: Surroundings['tell'];
  /** Whether it was opened with more than its newest version. */
  leftOver: boolean;
  /** Publishing and following take turns. */
  turn: Promise<unknown>;
};

/** What a live document asks of the connections around it. */
export type Surroundings = {
  /** Who made an update, by its Yjs transaction origin. */
  personOf: (origin: unknown) => string | undefined;
  /** Ends the connection that is the origin. */
  refuse: (origin: unknown) => void;
  /** Closes the document for everyone. */
  end: () => void;
  /** Says something to everybody in the document. */
  tell: (message: { type: 'unpublished'; reason: string } | { type: 'published' }) => void;
};

/** What live documents need, and whom they tell. */
export type Parts = {
  database: Database;
  files: FileStore;
  texts: TextPool;
  /** Hears of a version that a live document made. */
  published: (teamId: string) => void;
  /** Hears of a document that could not be made a version, while others were. */
  failed: (fileId: string, error: unknown) => void;
};

/** Milliseconds that a clone waits at most for what is still to be published. */
const longestWait = 10_000;
/** Milliseconds in which a document that failed is not tried again unless it has changed. */
const failureLife = 600_000;
const mostFailures = 10_000;
/** What is read as source whatever its name says. */
const asSource = 'source';

/**
 * Text files that are being edited: loaded from their snapshot and log, every update durable before
 * it is acknowledged, and turned into versions. A version and the snapshot of exactly its state
 * become true in one transaction, which also folds the log.
 */
export class LiveDocuments {
  readonly #database: Database;
  readonly #files: FileStore;
  readonly #texts: TextPool;
  readonly #parts: Parts;
  readonly #live = new Map<string, Live>();
  /** Documents that could not be published, with the end of their log then. */
  readonly #failures = new Map<string, { seq: number; until: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#database = parts.database;
    this.#files = parts.files;
    this.#texts = parts.texts;
  }

  /**
   * Fills an empty Y.Doc with a file's document and starts logging its updates.
   * @throws KyozoError for a file that is no text or in the trash, and for a document that is too large
   */
  async open(
    tenant: Tenant,
    fileId: string,
    document: Y.Doc,
    { personOf, refuse, end, tell }: Surroundings,
  ): Promise<void> {
    const row = await this.#editable(tenant, fileId);
    await this.storedBytes(tenant, fileId);
    const found = (await this.#state(tenant, fileId)) ?? (await this.#seed(tenant, row));
    const updates = await this.#database.rows<UpdateRow>(
      tenant,
      sql`select seq, update, user_id from document_updates where file_id = ${fileId} and seq > ${found.snapshot_seq} order by seq`,
    );
    const stored = storedSize([found.snapshot, ...updates.map(({ update }) => update)]);
    const text = await this.#text(tenant, row, found.base_version);
    Y.applyUpdate(document, found.snapshot);
    const path = pathOfKind(document, row.path, text);
    for (const { update } of updates) Y.applyUpdate(document, update);
    const log = new UpdateLog(
      this.#database,
      tenant.teamId,
      fileId,
      updates.at(-1)?.seq ?? found.snapshot_seq,
      () => this.forget(fileId),
    );
    const owners = await this.#owners(tenant, fileId);
    const ids = new ClientIds(owners, {
      keep: (client, person) => log.own(client, person),
      forget: (clients) => void this.#disown(tenant, fileId, clients).catch(() => undefined),
      isUsed: (client) => Y.getState(document.store, client) > 0,
    });
    const live: Live = {
      document,
      tenant,
      log,
      ids,
      size: new DocumentSize(stored),
      end,
      tell,
      costly: undefined,
      updates: 0,
      stuck: false,
      state: found.snapshot,
      version: found.base_version,
      path,
      authors: new Set(updates.map((update) => update.user_id).filter((id) => id !== null)),
      leftOver: updates.length > 0 || row.version > found.base_version,
      turn: Promise.resolve(),
    };
    // Of edits from before owners were kept, too, whoever wrote them owns the ids.
    for (const { update, user_id: person } of updates)
      if (person)
        for (const client of Y.parseUpdateMeta(update).to.keys()) ids.claim(client, person);
    this.#live.set(fileId, live);
    // By the document itself: an id may have been opened again before the old one's end is told.
    const forget = () => {
      if (this.#live.get(fileId) === live) this.#live.delete(fileId);
    };
    document.on('destroy', forget);
    document.on('update', (update: Uint8Array, origin: unknown) => {
      const person = personOf(origin);
      if (person) live.authors.add(person);
      // What people send was counted before.
      else live.size.add({ bytes: update.length, structs: 0 });
      live.updates += 1;
      log.append(update, person);
    });
    const append: UpdateLog['append'] = (update, person) => {
      live.size.add({ bytes: update.length, structs: 1 });
      log.append(update, person);
    };
    watchParked(document, { append }, personOf, refuse);
    await inTurn(live, () => this.#follow(live, fileId)).catch((error: unknown) => {
      forget();
      throw error;
    });
  }

  /** Whose the client ids of an open document are. */
  idsOf(fileId: string): ClientIds {
    return this.#opened(fileId).ids;
  }

  /** How much an open document holds. */
  sizeOf(fileId: string): DocumentSize {
    return this.#opened(fileId).size;
  }

  /** Bytes of a document's snapshot and log. @throws DocumentTooLarge when it does not open live */
  async storedBytes(tenant: Tenant, fileId: string): Promise<number> {
    const [row] = await this.#database.rows<{ bytes: string }>(
      tenant,
      sql`select octet_length(snapshot) + coalesce((select sum(octet_length(update)) from document_updates u
          where u.file_id = s.file_id and seq > snapshot_seq), 0) as bytes
        from document_states s where file_id = ${fileId}`,
    );
    return checkStored(Number(row?.bytes ?? 0));
  }

  /** Milliseconds that an update would take, found out in a worker; undefined when it takes too long. */
  timeOf(fileId: string, update: Uint8Array): Promise<number | undefined> {
    const { document, tenant } = this.#opened(fileId);
    const state = Y.encodeStateAsUpdate(document);
    return this.#texts.run(tenant.teamId, 'apply', state, update).catch(onlyCostly);
  }

  /** Resolves with the log's number when all updates so far are durable. */
  async durable(fileId: string): Promise<number> {
    const live = this.#live.get(fileId);
    await live?.log.durable();
    return live?.log.seq ?? 0;
  }

  /** Waits for what is under way; then says whether all that a document was given is durable. */
  async isClean(fileId: string): Promise<boolean> {
    const live = this.#live.get(fileId);
    if (!live) return true;
    for (let turn: unknown; turn !== live.turn; ) {
      turn = live.turn;
      await turn;
    }
    return live.log.isClean;
  }

  /** Whether a document was opened with edits that no version holds, as after a crash. */
  isLeftOver(fileId: string): boolean {
    return this.#live.get(fileId)?.leftOver ?? false;
  }

  /** Records what the document holds as a version of its file; equal text makes none. */
  publish(fileId: string, message?: string): Promise<{ changed: boolean }> {
    const live = this.#live.get(fileId);
    if (!live) return Promise.resolve({ changed: false });
    return inTurn(live, () =>
      // It may have been unloaded, and even opened again, while this waited for its turn.
      this.#live.get(fileId) === live
        ? this.#publish(live, fileId, message)
        : this.publish(fileId, message),
    );
  }

  /** The same, unless the document cannot become a version: then it stays at its last one. */
  async publishIfPossible(fileId: string): Promise<void> {
    await this.publish(fileId).catch((error: unknown) => {
      if (!(error instanceof KyozoError && error.code === 'conflict')) throw error;
      this.#parts.failed(fileId, error);
    });
  }

  /**
   * Publishes every document of a workspace that holds more than its file, open or left over. One that
   * failed is not tried again until it has changed, or for a while; and whoever asks does not wait for all
   * of very many.
   */
  async publishAll(teamId: string, workspaceId: string): Promise<void> {
    const tenant = { teamId };
    const edited = await this.#database.rows<{ file_id: string; seq: number }>(
      tenant,
      sql`select file_id, max(seq)::float8 as seq from document_updates join files on files.id = file_id
        where workspace_id = ${workspaceId} and deleted_at is null group by file_id`,
    );
    const late = new AbortController();
    const patience = pause(longestWait, undefined, { signal: late.signal }).catch(() => undefined);
    const isOver = patience.then(() => true);
    for (const { file_id: fileId, seq } of edited) {
      const failure = this.#failures.get(fileId);
      if (failure?.seq === seq && Date.now() < failure.until) continue;
      this.#failures.delete(fileId);
      // One that cannot be published must not keep the others away: it stays at its last version.
      const published = this.publishLeftOver(tenant, fileId).catch((error: unknown) => {
        if (this.#failures.size > mostFailures) this.#failures.clear();
        this.#failures.set(fileId, { seq, until: Date.now() + failureLife });
        this.#parts.failed(fileId, error);
      });
      if (await Promise.race([published, isOver])) break;
    }
    late.abort();
  }

  /** Publishes a document with edits that no version holds, whether anybody has it open or not. */
  async publishLeftOver(tenant: Tenant, fileId: string): Promise<void> {
    if (this.#live.has(fileId)) await this.publish(fileId);
    else await this.visit(tenant, fileId);
  }

  /** Opens a document that nobody has open, publishes it and closes it; set by who holds the documents. */
  visit: (tenant: Tenant, fileId: string) => Promise<void> = async () => undefined;

  /** Merges content that was written past the document into it; what was typed meanwhile stays. */
  async follow(fileId: string): Promise<void> {
    const live = this.#live.get(fileId);
    if (live) await inTurn(live, () => this.#follow(live, fileId));
  }

  /** Publishes everything and gives up the logs that cannot be written; the process ends. */
  async close(): Promise<void> {
    const all = [...this.#live];
    const giveUp = () => {
      for (const [, { log }] of all) log.stop();
    };
    const patience = setTimeout(giveUp, 5_000);
    for (const [fileId] of all) await this.publish(fileId).catch(() => undefined);
    clearTimeout(patience);
    giveUp();
    // Whoever still waits for a turn finds nothing left to do.
    this.#live.clear();
  }

  /** Closes the documents of a team that is no more; what they still held goes with it. */
  abandon(teamId: string): void {
    for (const [fileId, live] of this.#live) if (live.tenant.teamId === teamId) this.forget(fileId);
  }

  /** Closes the document of a file that is no more; what it still held goes with it. */
  forget(fileId: string): void {
    const live = this.#live.get(fileId);
    if (!live) return;
    live.log.stop();
    this.#live.delete(fileId);
    live.end();
  }

  #opened(fileId: string): Live {
    const live = this.#live.get(fileId);
    if (!live) throw new KyozoError('conflict', 'The document is no longer open.');
    return live;
  }

  async #publish(live: Live, fileId: string, message?: string): Promise<{ changed: boolean }> {
    await live.log.durable();
    for (;;) {
      const row = await this.#follow(live, fileId);
      if (row.deleted_at || !row.live) return { changed: false };
      const written = await this.#write(live, row, message).catch((error: unknown) => {
        // Somebody wrote past the document since it followed.
        if (error instanceof KyozoError && error.code === 'precondition_failed') return undefined;
        throw error;
      });
      if (written) return written;
    }
  }

  async #write(live: Live, row: FileRow, message?: string): Promise<{ changed: boolean }> {
    const base = await this.#text(live.tenant, row, live.version);
    // All of one moment: what comes while the text is written is for the next version.
    const state = Y.encodeStateAsUpdate(live.document);
    const seq = live.log.seq;
    const counted = live.size.now;
    const folded = { bytes: state.length, structs: structsOf(live.document) };
    const typists = live.authors;
    live.authors = new Set();
    try {
      const text = await this.#written(live, state, base);
      const authors = await this.#people(live.tenant, typists);
      const options: WriteOptions = {
        message,
        authors: authors.length > 0 ? authors : undefined,
        ifFileVersion: live.version,
        by: [...typists].at(-1),
        also: (transaction, version) => fold(transaction, row.id, state, seq, version),
      };
      const bytes = Buffer.from(text, 'utf8');
      const { version, changed } = await this.#files.write(live.tenant, row.id, bytes, options);
      live.state = state;
      live.version = version;
      live.leftOver = false;
      live.size.fold(counted, folded);
      if (live.stuck) live.tell({ type: 'published' });
      live.stuck = false;
      if (changed) this.#parts.published(live.tenant.teamId);
      return { changed };
    } catch (error) {
      live.authors = new Set([...typists, ...live.authors]);
      throw error;
    }
  }

  /**
   * Brings a document to its file's newest version; answers the file. The new base is in the database
   * before the document shows it: a crash between the two must not apply the same change twice.
   */
  async #follow(live: Live, fileId: string): Promise<FileRow> {
    const row = await this.#files.find(live.tenant, fileId);
    if (!row.live) live.end();
    if (row.deleted_at || !row.live) return row;
    if (row.version > live.version) {
      const text = await this.#text(live.tenant, row, row.version);
      const { update, state } = await this.#change(live, row, text);
      await this.#rebase(live, fileId, state, row.version);
      Y.applyUpdate(live.document, update, 'follow');
    }
    if (isMarkdown(row.path) !== isMarkdown(live.path) && row.version !== live.costly)
      await this.#convert(live, row, row.path);
    return row;
  }

  /** What turns a document into the new text of its file; it becomes source where Markdown costs too much. */
  async #change(live: Live, row: FileRow, text: string): Promise<Change> {
    const { teamId } = live.tenant;
    const isKind = isMarkdown(row.path) === isMarkdown(live.path);
    const path = isKind ? row.path : live.path;
    const change = await this.#texts
      .run(teamId, 'change', live.state, path, text)
      .catch(onlyCostly);
    if (change) return change;
    live.costly = row.version;
    if (isMarkdown(live.path)) await this.#convert(live, row, asSource);
    return this.#texts.run(teamId, 'change', live.state, asSource, text);
  }

  /**
   * Turns a document of Markdown into one of source or back: its file was renamed, or costs too much.
   * Where the other kind costs too much, it stays as it is.
   */
  async #convert(live: Live, row: FileRow, to: string): Promise<void> {
    const { teamId } = live.tenant;
    const base = await this.#text(live.tenant, row, live.version);
    const change = await this.#texts.run(teamId, 'change', live.state, to, base).catch(onlyCostly);
    const first = change && (await this.#converted(live, change, to, base).catch(onlyCostly));
    if (!change || !first) {
      live.costly = row.version;
      return;
    }
    await this.#rebase(live, row.id, change.state, live.version);
    for (let next = first; ; next = await this.#converted(live, change, to, base)) {
      // What was typed meanwhile stands in nodes that the change takes away.
      if (next.updates !== live.updates) continue;
      live.path = to;
      Y.applyUpdate(live.document, next.update, 'follow');
      return;
    }
  }

  /** A change of kind for what a document holds now, and how many updates it had then. */
  async #converted(live: Live, change: Change, to: string, base: string) {
    const { updates, path } = live;
    const now = Y.encodeStateAsUpdate(live.document);
    const { teamId } = live.tenant;
    const update = await this.#texts.run(teamId, 'convert', now, change.update, path, to, base);
    return { update, updates };
  }

  /** The text of a document's state. @throws KyozoError, after its people were told, when there is none */
  #written(live: Live, state: Uint8Array, base: string): Promise<string> {
    const { teamId } = live.tenant;
    return this.#texts.run(teamId, 'write', state, live.path, base).catch((error: unknown) => {
      if (!(error instanceof TextTooCostly)) throw error;
      const reason =
        'This document is too large or too deeply nested to become a version. What you type is kept.';
      live.stuck = true;
      live.tell({ type: 'unpublished', reason });
      throw new KyozoError('conflict', reason, { cause: error });
    });
  }

  /**
   * Takes `state` as what `version` was made of. The log stays: what was typed meanwhile is in no
   * version yet, and `state` must not hold it, or the next change would be measured from it and take
   * it away.
   */
  async #rebase(live: Live, fileId: string, state: Uint8Array, version: number): Promise<void> {
    await this.#database.rows(
      live.tenant,
      sql`update document_states set snapshot = ${Buffer.from(state)}, base_version = ${version}
        where file_id = ${fileId} and base_version <= ${version}`,
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

  async #owners(tenant: Tenant, fileId: string): Promise<[number, string][]> {
    const rows = await this.#database.rows<{ client_id: number; user_id: string }>(
      tenant,
      sql`select client_id, user_id from document_clients where file_id = ${fileId} order by inserted_at`,
    );
    return rows.map((row) => [Number(row.client_id), row.user_id]);
  }

  async #disown(tenant: Tenant, fileId: string, clients: number[]): Promise<void> {
    await this.#database.rows(
      tenant,
      sql`delete from document_clients where file_id = ${fileId} and client_id = any(${clients}::bigint[])`,
    );
  }

  /** Makes the document of a text that has none yet. Of several that seed at once one wins; all read it. */
  async #seed(tenant: Tenant, row: FileRow): Promise<StateRow> {
    const text = await this.#text(tenant, row, row.version);
    const read = await this.#texts.run(tenant.teamId, 'seed', row.path, text).catch(onlyCostly);
    const snapshot = Buffer.from(
      read ?? (await this.#texts.run(tenant.teamId, 'seed', asSource, text)),
    );
    await this.#database.rows(
      tenant,
      sql`insert into document_states (file_id, team_id, snapshot, base_version)
        values (${row.id}, ${tenant.teamId}, ${snapshot}, ${row.version}) on conflict do nothing`,
    );
    return (await this.#state(tenant, row.id))!;
  }

  /** The text of one version of a file. */
  async #text(tenant: Tenant, row: FileRow, version: number): Promise<string> {
    if (version === 0) return '';
    const located =
      version === row.version ? row : await this.#files.versionOf(tenant, row, version);
    const bytes = await this.#files.bytes(tenant, located);
    if (!isUtf8(bytes)) throw new KyozoError('invalid', 'Only UTF-8 text can be edited live.');
    return bytes.toString('utf8');
  }

  async #people(tenant: Tenant, ids: ReadonlySet<string>): Promise<Person[]> {
    if (ids.size === 0) return [];
    return this.#database.rows<Person>(
      tenant,
      sql`select name, email from users where id = any(${[...ids]})`,
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
  // A document that was unloaded meanwhile must not fold over what its successor has folded.
  await transaction.rows(sql`update document_states
    set snapshot = ${Buffer.from(state)}, snapshot_seq = ${seq}, base_version = ${version}
    where file_id = ${fileId} and snapshot_seq <= ${seq} and base_version <= ${version}`);
  await transaction.rows(
    sql`delete from document_updates where file_id = ${fileId} and seq <= ${seq}`,
  );
}

function inTurn<Result>(live: Live, work: () => Promise<Result>): Promise<Result> {
  const next = live.turn.then(work, work);
  live.turn = next.catch(() => undefined);
  return next;
}

/** No answer for a text that takes too much; any other error stays one. */
function onlyCostly(error: unknown): undefined {
  if (!(error instanceof TextTooCostly)) throw error;
}
