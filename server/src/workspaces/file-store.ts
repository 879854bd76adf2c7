import type { Readable } from 'node:stream';
import { type Actor, KyozoError, notFound, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import { stale } from '../actions.ts';
import { type Queries, type Tenant, type Transaction, together } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement, insertStatement, type Signer } from '../database/write.ts';
import type { Backend } from '../storage/choose-backend.ts';
import type { FileChange, Person } from '../storage/git.ts';
import type { ByteRange } from '../storage/storage.ts';
import type { Storages } from '../storage/storages.ts';
import {
  type Content,
  type ContentStore,
  type FileRow,
  inTree,
  type Located,
  rowInTree,
  type Said,
} from './content-store.ts';
import { file } from './file.ts';
import { contentValues, lockFile, lockFiles, newRow, type Placed, rowValues } from './file-row.ts';
import { recordVersion, recordVersions } from './record-version.ts';
import type { Body } from './spool.ts';
import { commitTree, moveHead, type Plan, type Writer } from './tree-commit.ts';
import { isMode, isNews, type Writing, writeFiles } from './write-files.ts';

export type { Writer } from './tree-commit.ts';

/** Runs inside the transaction of a write, for what follows from the content: notebooks, for one. */
export type Follower = (
  transaction: Transaction,
  signer: Signer,
  file: FileRow,
  content: Content,
) => Promise<void>;

/** What a push does while it holds the workspace's row. */
export type Held = Writing & {
  /** The commit that `main` points at. */
  head: string | null;
  archived: boolean;
  /** Makes a commit the head; the ref on disk follows. */
  moveHead(commit: string): Promise<void>;
};

export type WriteOptions = {
  message?: string;
  authors?: readonly Person[];
  ifVersion?: string;
  contentType?: string;
  /** The person whom the events name, when the server writes for one. */
  by?: string;
  /** The file as it was found to be; without it, it is looked up. */
  seen?: FileRow;
  /** The file's version that the content was made of; a later one refuses it. */
  ifFileVersion?: number;
  /** Runs in the same transaction, with the version that the file then has, also when it is the old one. */
  also?: (transaction: Transaction, version: number) => Promise<void>;
};

/** What became of a file whose content was put at a path. */
export type Fate = { id: string; outcome: 'created' | 'changed' | 'same' };

/** The version that a file has after a write, and its record where that is a new one. */
export type Written = { version: number; changed: boolean; row?: Row };

/**
 * Files and their versions: bytes in a backend, the tree in git, rows in PostgreSQL. Bytes and git
 * objects are durable first; one transaction that holds the workspace's row then makes them true.
 */
export class FileStore {
  readonly #database: Queries;
  readonly #storages: Storages;
  readonly #contents: ContentStore;
  readonly #follow: Follower;

  constructor(database: Queries, storages: Storages, contents: ContentStore, follow: Follower) {
    this.#database = database;
    this.#storages = storages;
    this.#contents = contents;
    this.#follow = follow;
  }

  /** A file by id, in the trash or not. @throws KyozoError `not_found` */
  async find(writer: Actor | Tenant, id: string): Promise<FileRow> {
    const [row] = await this.#database.rows<FileRow>(
      writer,
      sql`select *, xmin::text as row_version from files where id = ${id}`,
    );
    if (!row) throw notFound();
    return row;
  }

  /**
   * Takes content in that `create` or `write` is then given, as it comes. Small text is durable with the
   * version that they make, all else before.
   */
  store(
    writer: Tenant,
    where: { workspaceId: string; path: string },
    body: Body,
    said?: Said,
  ): Promise<Content> {
    return this.#contents.stage(writer, where, body, said);
  }

  /** Creates a file with its first content. `values` are those of the `create` action. */
  async create(actor: Actor, values: Values, given: Uint8Array | Content): Promise<Row> {
    const workspaceId = values.workspaceId as string;
    const path = values.path as string;
    const contentType = values.contentType as string | undefined;
    const executable = (values.executable as boolean | undefined) ?? false;
    const content =
      given instanceof Uint8Array
        ? await this.store(actor, { workspaceId, path }, given, { contentType })
        : given;
    const id = uuidv7();
    return this.#commit(actor, workspaceId, async (transaction) => {
      const authors = [await person(transaction, actor)];
      const message = `Add ${path}`;
      const apply = async (commit: string | undefined) => {
        const inserted = { ...values, ...contentValues(content), teamId: actor.teamId, version: 1 };
        const change = {
          kind: 'insert' as const,
          resource: file,
          id,
          values: inserted,
          event: file.events.create,
        };
        const made: FileRow = newRow(id, actor.teamId, workspaceId, { path, content, executable });
        const [[row]] = await together(
          transaction.text(changeStatement(actor, change)),
          recordVersion(transaction, actor, this.#storages, made, content, {
            commit,
            message,
            authors,
          }),
          this.#follow(transaction, actor, made, content),
        );
        return rowOf({ resource: file, sort: [] }, row!);
      };
      return { message, authors, changes: [inTree(path, content, executable)], apply };
    });
  }

  /**
   * Writes new content as the next version; equal content makes none.
   * @throws KyozoError `precondition_failed` when `ifVersion` is no longer the row's version
   */
  async write(
    writer: Writer,
    id: string,
    given: Uint8Array | Content,
    options: WriteOptions = {},
  ): Promise<Written> {
    const seen = options.seen ?? (await this.find(writer, id));
    const where = { workspaceId: seen.workspace_id, path: seen.path };
    const content =
      given instanceof Uint8Array ? await this.store(writer, where, given, options) : given;
    const signer: Signer = options.by ? { teamId: writer.teamId, userId: options.by } : writer;
    return this.#commit<Written>(writer, seen.workspace_id, async (transaction) => {
      const [current, authors] = await together(
        lockFile(transaction, id),
        options.authors
          ? Promise.resolve(options.authors)
          : person(transaction, writer).then((writing) => [writing]),
      );
      if (current.deleted_at) throw new KyozoError('conflict', 'The file is in the trash.');
      if (options.ifVersion !== undefined && options.ifVersion !== current.row_version)
        throw stale();
      if (options.ifFileVersion !== undefined && options.ifFileVersion !== current.version)
        throw stale();
      if (current.version > 0 && current.sha256 === content.sha256) {
        const apply = async () => {
          await options.also?.(transaction, current.version);
          return { version: current.version, changed: false };
        };
        return { message: '', authors, changes: [], apply };
      }
      const version = current.version + 1;
      const message = options.message ?? `Change ${current.path}`;
      return {
        message,
        authors,
        // A file without a version has no place in the tree that would know its mode.
        changes: [inTree(current.path, content, current.executable || undefined)],
        apply: async (commit) => {
          const next: FileRow = { ...current, ...rowValues(content), version };
          const values = { ...contentValues(content), version };
          const [row] = await together(
            this.#change(transaction, signer, id, 'write', values),
            recordVersion(transaction, signer, this.#storages, next, content, {
              commit,
              message,
              authors,
            }),
            this.#follow(transaction, signer, next, content),
          );
          await options.also?.(transaction, version);
          return { version, changed: true, row };
        },
      };
    });
  }

  /**
   * Puts contents at their paths, as one version of the workspace: new files, and the next versions of
   * those that are there; equal content makes none. `also` runs in the same transaction.
   */
  putAll(
    actor: Actor,
    workspaceId: string,
    all: readonly Placed[],
    also: (transaction: Transaction, fates: readonly Fate[]) => Promise<unknown>,
  ): Promise<Fate[]> {
    return this.#commit(actor, workspaceId, async (transaction) => {
      const paths = all.map(({ path }) => path);
      const [rows, author] = await together(
        lockFiles(transaction, workspaceId, paths),
        person(transaction, actor),
      );
      const news = all.filter((placed) => isNews(placed, rows));
      const modes = all.filter((placed) => isMode(placed, rows));
      const changed = [...news, ...modes];
      const message = messageOf(changed, rows);
      const authors = [author];
      const apply = async (commit: string | undefined): Promise<Fate[]> => {
        const about = { message, authors, commit: commit! };
        const puts = news.map((placed) => ({ ...placed, about }));
        const place = { teamId: actor.teamId, workspaceId };
        const writing = this.#writing(transaction, actor);
        const ids = await writeFiles(writing, place, puts, rows);
        for (const { path, executable } of modes) {
          await writing.change(rows.get(path)!.id, 'update', { executable });
          ids.set(path, rows.get(path)!.id);
        }
        const fates = paths.map((path): Fate => {
          const row = rows.get(path);
          if (!row) return { id: ids.get(path)!, outcome: 'created' };
          return { id: row.id, outcome: ids.has(path) ? 'changed' : 'same' };
        });
        await also(transaction, fates);
        return fates;
      };
      const changes = changed.map(({ path, content, executable }) =>
        inTree(path, content, executable),
      );
      return { message, authors, changes, apply };
    });
  }

  /**
   * Moves or renames a file, makes it a program or none, moves it to the trash, or brings it back: its row
   * and its place in the tree.
   */
  async place(
    actor: Actor,
    id: string,
    action: 'update' | 'destroy' | 'restore',
    values: Values,
    ifVersion?: string,
  ): Promise<Row> {
    const seen = await this.find(actor, id);
    const path = (values.path as string | undefined) ?? seen.path;
    const verb = {
      update: path === seen.path ? `Change the mode of ${path}` : `Move ${seen.path} to ${path}`,
      destroy: `Delete ${seen.path}`,
      restore: `Restore ${path}`,
    };
    return this.#commit(actor, seen.workspace_id, async (transaction) => {
      const [current, author] = await together(
        lockFile(transaction, id),
        person(transaction, actor),
      );
      if (ifVersion !== undefined && ifVersion !== current.row_version) throw stale();
      return {
        message: verb[action],
        authors: [author],
        changes: placing(current, action, values),
        apply: () => this.#change(transaction, actor, id, action, values),
      };
    });
  }

  /** The bytes of a file's newest or an older version. */
  read(reader: Tenant, located: Located, range?: ByteRange): Promise<Readable> {
    return this.#contents.read(reader, located, range);
  }

  bytes(reader: Tenant, located: Located): Promise<Buffer> {
    return this.#contents.bytes(reader, located);
  }

  /** The version of that id, as a file that never changes. @throws KyozoError `not_found` */
  async version(reader: Actor | Tenant, id: string): Promise<FileRow> {
    const [row] = await this.#database.rows<FileRow>(
      reader,
      sql`select f.*, v.version, v.size, v.content_type, v.storage_backend, v.address, v.sha256,
          v.inserted_at as updated_at, v.xmin::text as row_version
        from file_versions v join files f on f.id = v.file_id where v.id = ${id}`,
    );
    if (!row) throw notFound();
    return row;
  }

  /** An older version of a file. @throws KyozoError `not_found` */
  async versionOf(reader: Actor | Tenant, row: FileRow, version: number): Promise<Located> {
    const [found] = await this.#database.rows<{ storage_backend: Backend; address: string }>(
      reader,
      sql`select storage_backend, address from file_versions where file_id = ${row.id} and version = ${version}`,
    );
    if (!found) throw notFound('There is no such version.');
    return { workspace_id: row.workspace_id, ...found };
  }

  /** Gives every file that was made empty its first, empty version, so that a clone holds it. */
  async commitEmpty(writer: Actor | Tenant, workspaceId: string): Promise<void> {
    const rows = await this.#database.rows<{ id: string }>(
      writer,
      sql`select id from files where workspace_id = ${workspaceId} and version = 0 and deleted_at is null`,
    );
    for (const { id } of rows) await this.write(writer as Writer, id, new Uint8Array());
  }

  /** Runs `work` in one transaction that holds the workspace's row. @throws KyozoError `not_found` */
  hold<Result>(
    signer: Actor,
    workspaceId: string,
    work: (held: Held) => Promise<Result>,
  ): Promise<Result> {
    return this.#database.transaction(signer, async (transaction) => {
      const [locked] = await transaction.rows<{ head_commit: string | null; archived: boolean }>(
        sql`select head_commit, archived_at is not null as archived from workspaces
          where id = ${workspaceId} for update`,
      );
      if (!locked) throw notFound('There is no such workspace.');
      return work({
        ...this.#writing(transaction, signer),
        head: locked.head_commit,
        archived: locked.archived,
        moveHead: (commit) => moveHead(transaction, signer, workspaceId, commit),
      });
    });
  }

  #writing(transaction: Transaction, signer: Signer): Writing {
    return {
      transaction,
      add: async (files) =>
        void (await transaction.text(insertStatement(signer, file, file.events.create!, files))),
      change: async (id, action, values) =>
        void (await this.#change(transaction, signer, id, action, values)),
      record: async (versions) => {
        await recordVersions(transaction, signer, this.#storages, versions);
        await together(
          ...versions.map(({ row, content }) => this.#follow(transaction, signer, row, content)),
        );
      },
    };
  }

  #commit<Result>(
    writer: Writer,
    workspaceId: string,
    plan: (transaction: Transaction) => Promise<Plan<Result>>,
  ): Promise<Result> {
    return commitTree(this.#database, this.#storages, writer, workspaceId, plan);
  }

  async #change(
    transaction: Transaction,
    signer: Signer,
    id: string,
    action: keyof typeof file.events,
    values: Values,
  ): Promise<Row> {
    const change = {
      kind: 'update' as const,
      resource: file,
      id,
      values,
      event: file.events[action],
    };
    const [row] = await transaction.text(changeStatement(signer, change));
    if (!row) throw notFound();
    return rowOf({ resource: file, sort: [] }, row);
  }
}

/** What becomes of a file's place in the tree. Without a version it has none. */
function placing(
  current: FileRow,
  action: 'update' | 'destroy' | 'restore',
  values: Values,
): FileChange[] {
  if (current.version === 0) return [];
  const path = (values.path as string | undefined) ?? current.path;
  const executable = (values.executable as boolean | undefined) ?? current.executable;
  const isThere = current.deleted_at === null;
  const isMoved = path !== current.path;
  const leaves = isThere && (isMoved || action === 'destroy');
  const appears =
    action === 'restore' ? !isThere : isMoved || (isThere && executable !== current.executable);
  return [
    ...(leaves ? [{ path: current.path, address: null }] : []),
    ...(appears && action !== 'destroy' ? [rowInTree(path, { ...current, executable })] : []),
  ];
}

function messageOf(news: readonly Placed[], rows: ReadonlyMap<string, FileRow>): string {
  const added = news.filter(({ path }) => !rows.has(path)).length;
  const verb = added === news.length ? 'Add' : added === 0 ? 'Change' : 'Add and change';
  return `${verb} ${news.length === 1 ? news[0]!.path : `${news.length} files`}`;
}

/** Who a writer is in a commit. */
export async function person({ rows }: Pick<Transaction, 'rows'>, writer: Writer): Promise<Person> {
  if (!('userId' in writer) || !writer.userId) return { name: 'Kyozo', email: 'kyozo@localhost' };
  const [row] = await rows<Person>(
    sql`select name, email from users where id = ${writer.userId}
      union all select name, 'key@localhost' from api_keys where id = ${writer.userId}`,
  );
  return row ?? { name: 'Unknown', email: 'unknown@localhost' };
}
