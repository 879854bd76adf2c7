import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Actor, KyozoError, notFound } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { makeFolder, syncFolder } from '../storage/durable.ts';
import type { TeamKeys } from '../storage/encrypted.ts';
import { StorageDamaged, toStorageError } from '../storage/errors.ts';
import { PassingFile } from '../storage/passing-file.ts';
import { fromStorage } from '../workspaces/content-store.ts';

/** An upload that resumes; lengths in bytes. `result` is the address of what it became. */
export type Upload = {
  id: string;
  workspaceId: string;
  purpose: 'file' | 'import';
  path: string;
  contentType: string | null;
  metadata: string;
  length: number;
  received: number;
  result: string | null;
  expiresAt: Date;
};
export type NewUpload = Omit<Upload, 'id' | 'received' | 'result' | 'expiresAt'>;
export type Checksum = { algorithm: 'sha1' | 'sha256' | 'md5'; digest: Buffer };
/** Makes of a whole upload, and its bytes, what it is for; answers the address. */
export type Finish = (upload: Upload, body: AsyncIterable<Uint8Array>) => Promise<string>;
/** A piece was not what its checksum says; nothing of it was kept. */
export class ChecksumMismatch extends Error {}
/** The upload has ended by its age. */
export class UploadExpired extends Error {}

/** An upload is forgotten so long after its last piece; in seconds. */
export const uploadLife = 24 * 3_600;

const columns = sql`id, workspace_id as "workspaceId", purpose, path, content_type as "contentType",
  metadata, length::float8, received::float8, result, expires_at as "expiresAt"`;

/** Uploads that resume: bytes in files, how many of them are durable in rows. The row is the truth. */
export class UploadStore {
  readonly #database: Queries;
  readonly #keys: TeamKeys;
  readonly #folder: string;
  /** Who is receiving which upload: it is told to stop when another request takes the upload over. */
  readonly #busy = new Map<string, { stop: () => void; ended: Promise<void> }>();

  private constructor(database: Queries, keys: TeamKeys, folder: string) {
    this.#database = database;
    this.#keys = keys;
    this.#folder = folder;
  }

  static async open(database: Queries, keys: TeamKeys, dataDir: string): Promise<UploadStore> {
    const folder = uploadsFolder(dataDir);
    await makeFolder(folder);
    return new UploadStore(database, keys, folder);
  }

  /** Makes an upload that has received nothing. */
  async create(actor: Actor, it: NewUpload): Promise<Upload> {
    const id = uuidv7();
    await (await this.#begin(actor, id)).close();
    await syncFolder(this.#folder);
    const [row] = await this.#database.rows<Upload>(
      actor,
      sql`insert into uploads (id, team_id, user_id, workspace_id, purpose, path, content_type, metadata, length, expires_at)
        values (${id}, ${actor.teamId}, ${actor.userId}, ${it.workspaceId}, ${it.purpose}, ${it.path},
          ${it.contentType}, ${it.metadata}, ${it.length}, now() + make_interval(secs => ${uploadLife}))
        returning ${columns}`,
    );
    return row!;
  }

  /** A person's own upload. @throws KyozoError `not_found`, UploadExpired */
  async find(actor: Actor, id: string): Promise<Upload> {
    const [row] = await this.#database.rows<Upload>(
      actor,
      sql`select ${columns} from uploads where id = ${id}`,
    );
    if (!row) throw notFound('There is no such upload.');
    if (row.expiresAt < new Date()) throw new UploadExpired();
    return row;
  }

  /** Runs `work` as the only one on an upload; who was on it before is stopped, and has kept what came. */
  async alone<Result>(id: string, stop: () => void, work: () => Promise<Result>): Promise<Result> {
    for (let other = this.#busy.get(id); other; other = this.#busy.get(id)) {
      other.stop();
      await other.ended;
    }
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.#busy.set(id, { stop, ended });
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
      end();
    }
  }

  /**
   * Takes in what follows; answers the upload as it then is, durably. Of a body that breaks off what
   * came is kept, unless a checksum was to hold for all of it. `finish` is called with the whole.
   * @throws ChecksumMismatch, and what the body and `finish` throw
   */
  async append(
    actor: Actor,
    upload: Upload,
    { body, size }: { body: AsyncIterable<Uint8Array>; size: number | undefined },
    checksum: Checksum | undefined,
    finish: Finish,
  ): Promise<Upload> {
    if (size === upload.length && size > 0 && !checksum)
      return this.#whole(actor, upload, body, finish);
    const file = await this.#open(actor, upload);
    try {
      const { received, failure } = await receive(file, upload.received, body, checksum);
      const complete = received === upload.length && failure === undefined;
      // The whole becomes durable where it belongs, so that it is written to disk once less.
      if (!complete) await file.sync();
      const result = complete
        ? await finish(upload, file.read({ start: 0, end: upload.length }))
        : null;
      const kept = await this.#keep(actor, upload, received, result);
      if (failure !== undefined) throw failure;
      return kept;
    } finally {
      await file.close();
    }
  }

  /**
   * Takes in a whole upload at once: on its way to where it belongs it is written down here too, for the
   * case that it breaks off. Once all has come that copy is dropped before the disk has had to write it:
   * written twice, 100 MiB took four times as long as a plain stream to disk.
   */
  async #whole(
    actor: Actor,
    upload: Upload,
    body: AsyncIterable<Uint8Array>,
    finish: Finish,
  ): Promise<Upload> {
    const file = await this.#begin(actor, upload.id);
    const came = { bytes: 0, failure: undefined as unknown };
    try {
      const result = await finish(upload, copied(body, file, upload.length, came));
      return await this.#keep(actor, upload, came.bytes, result);
    } catch (error) {
      if (came.failure === undefined) throw error;
      await file.sync();
      await this.#keep(actor, upload, came.bytes, null);
      throw came.failure;
    } finally {
      await file.close();
    }
  }

  /** Writes down how far an upload is; what is complete without a result waits for its last byte again. */
  async #keep(
    actor: Actor,
    upload: Upload,
    received: number,
    result: string | null,
  ): Promise<Upload> {
    const kept = result === null ? Math.min(received, Math.max(upload.length - 1, 0)) : received;
    const [row] = await this.#database.rows<Upload>(
      actor,
      sql`update uploads set received = ${kept}, result = ${result},
          expires_at = now() + make_interval(secs => ${uploadLife})
        where id = ${upload.id} and received = ${upload.received} and result is null returning ${columns}`,
    );
    if (!row) throw new KyozoError('conflict', 'Another request has continued this upload.');
    if (result !== null) await rm(this.#path(upload.id), { force: true });
    return row;
  }

  /** Forgets an upload and what came of it. */
  async remove(actor: Actor, id: string): Promise<void> {
    await this.#database.rows(actor, sql`delete from uploads where id = ${id}`);
    await rm(this.#path(id), { force: true });
  }

  async #begin(actor: Actor, id: string): Promise<PassingFile> {
    const key = await this.#keys.current(actor.teamId);
    return PassingFile.create(this.#path(id), key).catch(full);
  }

  /** The file of an upload as far as it is durable. @throws UploadExpired for one that does not open */
  async #open(actor: Actor, { id, received }: Upload): Promise<PassingFile> {
    // Of one that has nothing, not even the file's beginning need be durable.
    if (received === 0) return this.#begin(actor, id);
    try {
      const file = await PassingFile.open(this.#path(id), this.#keys, actor.teamId);
      // What was written behind the last durable offset was never acknowledged.
      await file.truncate(received);
      return file;
    } catch (error) {
      throw error instanceof StorageDamaged ? new UploadExpired() : full(error);
    }
  }

  #path(id: string): string {
    return join(this.#folder, id);
  }
}

export const uploadsFolder = (dataDir: string): string => join(dataDir, 'uploads');

/**
 * Writes a body behind what is there; answers how far that is, and what the body broke off with. With a
 * checksum it is all or nothing. @throws ChecksumMismatch
 */
async function receive(
  file: PassingFile,
  from: number,
  body: AsyncIterable<Uint8Array>,
  checksum: Checksum | undefined,
): Promise<{ received: number; failure?: unknown }> {
  const hash = checksum && createHash(checksum.algorithm);
  let received = from;
  try {
    for await (const piece of body) {
      hash?.update(piece);
      await file.write(piece, received).catch(full);
      received += piece.length;
    }
  } catch (failure) {
    if (checksum) throw failure;
    return { received, failure };
  }
  if (hash && !hash.digest().equals(checksum!.digest)) throw new ChecksumMismatch();
  return { received };
}

/** A body that is written down while it goes on, and taken away again once all of it has come. */
async function* copied(
  body: AsyncIterable<Uint8Array>,
  file: PassingFile,
  length: number,
  came: { bytes: number; failure: unknown },
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body) {
      const writing = file.write(piece, came.bytes).catch(full);
      // Met below; meanwhile the same piece is written where it belongs.
      writing.catch(() => undefined);
      yield piece;
      await writing;
      came.bytes += piece.length;
    }
    if (came.bytes !== length) throw new KyozoError('malformed', 'The content broke off.');
  } catch (error) {
    came.failure = error;
    throw error;
  }
  await file.truncate(0).catch(full);
}

const full = (error: unknown): never => fromStorage(toStorageError(error));
