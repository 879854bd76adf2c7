import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Actor, KyozoError, notFound, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Queries, Tenant } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import type { Queue } from '../jobs/queue.ts';
import { makeFolder, syncFolder } from '../storage/durable.ts';
import { toStorageError } from '../storage/errors.ts';
import { fromStorage } from '../workspaces/content-store.ts';
import { transfer } from './transfer.ts';

/** A transfer as its work needs it. */
export type TransferRow = {
  id: string;
  workspaceId: string;
  kind: 'import' | 'export';
  status: 'queued' | 'running' | 'succeeded' | 'failed';
  credentialId: string;
  /** Of an import: where its files go, empty for the top. */
  folderPath: string;
  address: string | null;
  size: number | null;
  expiresAt: Date;
  finishedAt: Date | null;
};

/** An archive that was written, in bytes, and the folder that it goes to. */
export type Archive = { address: string; size: number; folderPath: string };

/** Archives on their way: a row that says how far each is, a file that nobody can guess, and a job. */
export class Transfers {
  readonly #database: Queries;
  readonly #queue: Queue;
  readonly #folder: string;

  private constructor(database: Queries, queue: Queue, folder: string) {
    this.#database = database;
    this.#queue = queue;
    this.#folder = folder;
  }

  static async open(database: Queries, queue: Queue, dataDir: string): Promise<Transfers> {
    const folder = transfersFolder(dataDir);
    await makeFolder(folder);
    return new Transfers(database, queue, folder);
  }

  /** Writes an archive to a new file, durably; answers its name. It is swept when nothing comes to name it. */
  async write(body: AsyncIterable<Uint8Array>): Promise<string> {
    const name = newName();
    const target = createWriteStream(this.file(name), { flags: 'wx', mode: 0o600, flush: true });
    try {
      await pipeline(Readable.from(body, { objectMode: false }), target);
      await syncFolder(this.#folder);
      return name;
    } catch (error) {
      await rm(this.file(name), { force: true });
      if (error instanceof KyozoError) throw error;
      return fromStorage(toStorageError(error));
    }
  }

  /**
   * Records a transfer and adds its job, in one transaction. `archive` is one that comes in; an `id` that
   * is given makes it the only one that begins for that reason.
   */
  async start(
    actor: Actor,
    kind: TransferRow['kind'],
    workspaceId: string,
    archive?: Archive,
    id: string = uuidv7(),
  ): Promise<Row> {
    const values = {
      ...{ teamId: actor.teamId, userId: actor.userId, workspaceId, kind, status: 'queued' },
      ...{ credentialId: actor.credential.id, expiresAt: tomorrow() },
      ...{ folderPath: '', ...archive },
    };
    const event = transfer.events.queue;
    const change = { kind: 'insert' as const, resource: transfer, id, values, event };
    return this.#database.transaction(actor, async (transaction) => {
      const [row] = await transaction.text(changeStatement(actor, change));
      await this.#queue.add(`${kind}-archive`, { transferId: id, actor }, transaction);
      return rowOf({ resource: transfer, sort: [] }, row!);
    });
  }

  /** Whether there is a transfer, in whatever state. */
  async has(reader: Actor, id: string): Promise<boolean> {
    const found = await this.#database.rows(reader, sql`select from transfers where id = ${id}`);
    return found.length > 0;
  }

  /** @throws KyozoError `not_found` */
  async find(reader: Actor | Tenant, id: string): Promise<TransferRow> {
    const [row] = await this.#database.rows<TransferRow>(
      reader,
      sql`select id, workspace_id as "workspaceId", kind, status, credential_id as "credentialId",
          folder_path as "folderPath", address, size::float8, expires_at as "expiresAt", finished_at as "finishedAt"
        from transfers where id = ${id}`,
    );
    if (!row) throw notFound();
    return row;
  }

  /** Says how far it is. */
  progress(actor: Actor, id: string, values: Values): Promise<void> {
    return this.#change(actor, id, 'progress', { status: 'running', ...values });
  }

  /** Says that it has ended, also for someone whose credential has ended. */
  async finish(actor: Actor, id: string, values: Values): Promise<void> {
    const at = { finishedAt: new Date().toISOString(), expiresAt: tomorrow() };
    await this.#change(actor, id, 'finish', { ...values, ...at });
  }

  /** Where a file lies. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Bytes of a file. */
  async sizeOf(name: string): Promise<number> {
    return (await stat(this.file(name))).size;
  }

  remove(name: string): Promise<void> {
    return rm(this.file(name), { force: true });
  }

  async #change(actor: Actor, id: string, action: 'progress' | 'finish', values: Values) {
    const event = transfer.events[action];
    const change = { kind: 'update' as const, resource: transfer, id, values, event };
    const team = { teamId: actor.teamId };
    await this.#database.text(team, changeStatement({ ...team, userId: personIn(actor) }, change));
  }
}

export const transfersFolder = (dataDir: string): string => join(dataDir, 'transfers');

const newName = () => randomBytes(32).toString('base64url');
const tomorrow = () => new Date(Date.now() + 24 * 3_600_000).toISOString();
const personIn = (actor: Actor) =>
  actor.userId === actor.credential.id ? undefined : actor.userId;
