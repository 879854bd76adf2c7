import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Actor, KyozoError, notFound, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Queries, Tenant } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import type { Queue } from '../jobs/queue.ts';
import { makeFolder, syncFolder } from '../storage/durable.ts';
import type { TeamKeys } from '../storage/encrypted.ts';
import { toStorageError } from '../storage/errors.ts';
import { PassingFile } from '../storage/passing-file.ts';
import type { ByteRange } from '../storage/storage.ts';
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

/** An archive that was written; its size is in bytes. */
export type Archive = { address: string; size: number };

/** Bytes that are written at once: a zip comes in many small pieces. */
const PIECE = 2 ** 18;

/** Archives on their way: a row that says how far each is, a file that nobody can guess, and a job. */
export class Transfers {
  readonly #database: Queries;
  readonly #queue: Queue;
  readonly #keys: TeamKeys;
  readonly #folder: string;

  private constructor(database: Queries, queue: Queue, keys: TeamKeys, folder: string) {
    this.#database = database;
    this.#queue = queue;
    this.#keys = keys;
    this.#folder = folder;
  }

  static async open(
    database: Queries,
    queue: Queue,
    keys: TeamKeys,
    dataDir: string,
  ): Promise<Transfers> {
    const folder = transfersFolder(dataDir);
    await makeFolder(folder);
    return new Transfers(database, queue, keys, folder);
  }

  /** Writes an archive of a team's to a new file, durably. It is swept when nothing comes to name it. */
  async write({ teamId }: Tenant, body: AsyncIterable<Uint8Array>): Promise<Archive> {
    const address = newName();
    try {
      const file = await PassingFile.create(this.#path(address), await this.#keys.current(teamId));
      try {
        let size = 0;
        for await (const piece of gathered(body)) {
          await file.write(piece, size);
          size += piece.length;
        }
        await file.sync();
        await syncFolder(this.#folder);
        return { address, size };
      } finally {
        await file.close();
      }
    } catch (error) {
      await this.remove(address);
      if (error instanceof KyozoError) throw error;
      return fromStorage(toStorageError(error));
    }
  }

  /** An archive of a team's, to be closed. Errors: StorageNotFound, StorageDamaged, StorageUnavailable. */
  async open({ teamId }: Tenant, address: string): Promise<PassingFile> {
    return PassingFile.open(this.#path(address), this.#keys, teamId).catch((error) => {
      throw toStorageError(error);
    });
  }

  /** Bytes of an archive, as they are asked for. Errors: as of `open`. */
  async *read(tenant: Tenant, address: string, range: ByteRange): AsyncGenerator<Buffer> {
    const file = await this.open(tenant, address);
    try {
      yield* file.read(range);
    } finally {
      await file.close();
    }
  }

  /**
   * Records a transfer and adds its job, in one transaction. `archive` is one that comes in, with the folder
   * it goes to; an `id` that is given makes it the only one that begins for that reason.
   */
  async start(
    actor: Actor,
    kind: TransferRow['kind'],
    workspaceId: string,
    archive?: Archive & { folderPath: string },
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

  remove(address: string): Promise<void> {
    return rm(this.#path(address), { force: true });
  }

  #path(address: string): string {
    return join(this.#folder, address);
  }

  async #change(actor: Actor, id: string, action: 'progress' | 'finish', values: Values) {
    const event = transfer.events[action];
    const change = { kind: 'update' as const, resource: transfer, id, values, event };
    const team = { teamId: actor.teamId };
    await this.#database.text(team, changeStatement({ ...team, userId: personIn(actor) }, change));
  }
}

export const transfersFolder = (dataDir: string): string => join(dataDir, 'transfers');

async function* gathered(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let kept: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    kept.push(piece);
    size += piece.length;
    if (size < PIECE) continue;
    yield Buffer.concat(kept);
    kept = [];
    size = 0;
  }
  yield Buffer.concat(kept);
}

const newName = () => randomBytes(32).toString('base64url');
const tomorrow = () => new Date(Date.now() + 24 * 3_600_000).toISOString();
const personIn = (actor: Actor) =>
  actor.userId === actor.credential.id ? undefined : actor.userId;
