import type { Readable } from 'node:stream';
import { notFound } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Database, Tenant, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import type { Backend } from '../storage/choose-backend.ts';
import type { Placed, Storages } from '../storage/storages.ts';
import { chosenBackend, type FileRow } from '../workspaces/content-store.ts';
import type { FileStore } from '../workspaces/file-store.ts';
import { holdContent } from '../workspaces/stored.ts';
import { picture } from './picture.ts';
import { type PictureReader, PictureRefused } from './picture-reader.ts';

type Parts = { database: Database; files: FileStore; storages: Storages; reader: PictureReader };
type Thumbnail = Placed & { wanted: Backend };
/** What is recorded, and the smaller picture when there is one. */
type Read = { facts: Record<string, unknown>; place?: Thumbnail };
/** Larger pictures are not read: their bytes go through the sandbox whole. */
const largest = 100 * 2 ** 20;

/** Whether a file may be a picture to read: SVG is text that can run, and is left alone. */
export const isPicture = (contentType: string): boolean =>
  contentType.startsWith('image/') && contentType !== 'image/svg+xml';

/** Finds out what pictures are, and keeps a smaller one of each. */
export class PictureStore {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Reads the newest version of a file, once: a second call finds it done. */
  async process({ teamId }: Tenant, fileId: string): Promise<void> {
    const { database, files } = this.#parts;
    const tenant = { teamId };
    const row = await files.find(tenant, fileId).catch(() => undefined);
    if (!row || row.deleted_at || row.version === 0 || !isPicture(row.content_type)) return;
    const [known] = await database.rows<{ version: number }>(
      tenant,
      sql`select version from pictures where file_id = ${fileId}`,
    );
    if (known && known.version >= row.version) return;
    const values = await this.#read(tenant, row);
    await database.transaction(tenant, async (transaction) => {
      const place = values.place && (await this.#hold(transaction, row, values.place));
      await record(transaction, tenant, row, { ...values.facts, ...place });
    });
  }

  /** Files whose pictures nobody has read yet, over all teams. */
  unread(most: number): Promise<{ team_id: string; file_id: string }[]> {
    return this.#parts.database.system(sql`select * from unread_pictures(${most}::integer)`);
  }

  async #hold(transaction: Transaction, row: FileRow, place: Thumbnail) {
    const scope = { teamId: row.team_id, workspaceId: row.workspace_id };
    const homeBackend = await holdContent(transaction, this.#parts.storages, scope, place);
    const { backend: storageBackend, address, size } = place;
    return { storageBackend, homeBackend, address, size };
  }

  async #read(tenant: Tenant, row: FileRow): Promise<Read> {
    const { database, files, reader, storages } = this.#parts;
    if (row.size > largest) return failed('The picture is larger than 100 MB.');
    try {
      const read = await reader.read(await files.read(tenant, row));
      const scope = { teamId: row.team_id, workspaceId: row.workspace_id };
      const wanted = (await chosenBackend(database, scope)) ?? 'disk';
      const stored = await storages.put(wanted, scope, read.thumbnail);
      const { format, width, height } = read;
      const facts = { status: 'ready', reason: null, format, width, height };
      return { facts, place: { ...stored, wanted } };
    } catch (error) {
      if (error instanceof PictureRefused) return failed(error.message);
      throw error;
    }
  }
}

/** The smaller picture of a file, whose right to be read has been asked for. @throws KyozoError `not_found` */
export async function thumbnailOf(
  { database, storages }: Pick<Parts, 'database' | 'storages'>,
  reader: Tenant,
  fileId: string,
): Promise<{ address: string; size: number; open(): Promise<Readable> }> {
  const [row] = await database.rows<{
    workspace_id: string;
    storage_backend: Backend;
    address: string | null;
    size: number;
  }>(
    reader,
    sql`select f.workspace_id, m.storage_backend, m.address, m.size from pictures m
      join files f on f.team_id = m.team_id and f.id = m.file_id where m.file_id = ${fileId}`,
  );
  if (!row?.address) throw notFound('There is no smaller picture of this file.');
  const { address, size } = row;
  const scope = { teamId: reader.teamId, workspaceId: row.workspace_id };
  return { address, size, open: () => storages.for(row.storage_backend).get(scope, address) };
}

const failed = (reason: string): Read => ({
  facts: {
    ...{ status: 'failed', reason: reason.slice(0, 500), format: null, width: null, height: null },
    ...{ storageBackend: null, homeBackend: null, address: null, size: null },
  },
});

/** Of two that read at once, the later version stays. */
async function record(
  transaction: Transaction,
  tenant: Tenant,
  row: FileRow,
  read: Record<string, unknown>,
): Promise<void> {
  await transaction.rows(sql`select from files where id = ${row.id} for update`);
  const [known] = await transaction.rows<{ id: string; version: number }>(
    sql`select id, version from pictures where file_id = ${row.id}`,
  );
  if (known && known.version >= row.version) return;
  const values = { ...read, version: row.version };
  await transaction.text(
    changeStatement(
      tenant,
      known
        ? {
            kind: 'update',
            resource: picture,
            id: known.id,
            values,
            event: picture.events.renew,
          }
        : {
            kind: 'insert',
            resource: picture,
            id: uuidv7(),
            values: { ...values, teamId: row.team_id, fileId: row.id },
            event: picture.events.record,
          },
    ),
  );
}
