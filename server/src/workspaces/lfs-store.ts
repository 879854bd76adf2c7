/** Content that Git LFS uploads to a workspace, before any commit points at it. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Actor, KyozoError } from '@kyozo/resource';
import type { Queries, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { kindOf } from '../storage/content-kind.ts';
import type { ByteRange } from '../storage/storage.ts';
import type { Storages } from '../storage/storages.ts';
import { type ContentStore, fromStorage } from './content-store.ts';
import { findObject, type LfsObject, type Pointer } from './lfs.ts';
import { holdContent } from './stored.ts';

/** The bytes are not those that were announced. */
export class WrongContent extends KyozoError {
  constructor(message: string) {
    super('invalid', message);
  }
}

const START_BYTES = 64 * 1024;

export class LfsStore {
  readonly #database: Queries;
  readonly #storages: Storages;
  readonly #contents: ContentStore;

  constructor(database: Queries, storages: Storages, contents: ContentStore) {
    this.#database = database;
    this.#storages = storages;
    this.#contents = contents;
  }

  /** What the workspace has under this SHA-256. */
  find(tenant: Tenant, workspaceId: string, sha256: string): Promise<LfsObject | undefined> {
    return findObject(this.#database, tenant, workspaceId, sha256);
  }

  read(
    tenant: Tenant,
    workspaceId: string,
    object: LfsObject,
    range?: ByteRange,
  ): Promise<Readable> {
    return this.#contents.read(tenant, { workspace_id: workspaceId, ...object }, range);
  }

  /** Stores content, durably, when it is what `expected` says. @throws WrongContent */
  async put(
    actor: Actor,
    workspaceId: string,
    expected: Pointer,
    body: AsyncIterable<Buffer>,
  ): Promise<void> {
    const { start, all } = await peek(body);
    const { image } = await kindOf('', start);
    const traits = { size: expected.size, text: false, image, code: false };
    const scope = { teamId: actor.teamId, workspaceId };
    const wanted = await this.#contents.choose(scope, traits);
    let wrong: WrongContent | undefined;
    const checked = async function* () {
      try {
        yield* check(all, expected);
      } catch (error) {
        if (error instanceof WrongContent) wrong = error;
        throw error;
      }
    };
    const stored = await this.#storages
      .put(wanted, scope, checked())
      .catch((error: unknown) => {
        throw wrong ?? error;
      })
      .catch(fromStorage);
    await this.#database.transaction(actor, async (transaction) => {
      const home = await holdContent(transaction, this.#storages, scope, { ...stored, wanted });
      await transaction.rows(
        sql`insert into lfs_objects
            (team_id, workspace_id, sha256, size, storage_backend, home_backend, address)
          values (${actor.teamId}, ${workspaceId}, ${expected.sha256}, ${expected.size},
            ${stored.backend}, ${home}, ${stored.address})
          on conflict do nothing`,
      );
    });
  }
}

async function* check(body: AsyncIterable<Buffer>, { sha256, size }: Pointer) {
  const hash = createHash('sha256');
  let left = size;
  for await (const chunk of body) {
    left -= chunk.length;
    if (left < 0) break;
    hash.update(chunk);
    yield chunk;
  }
  if (left !== 0) throw new WrongContent('The content has another size than was announced.');
  if (hash.digest('hex') !== sha256) throw new WrongContent('The content has another SHA-256.');
}

/** The first bytes, and all of them again. */
async function peek(
  body: AsyncIterable<Buffer>,
): Promise<{ start: Buffer; all: AsyncIterable<Buffer> }> {
  const iterator = body[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < START_BYTES) {
    const { done, value } = await iterator.next();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  const all = async function* () {
    yield* chunks;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      yield next.value;
    }
  };
  return { start: Buffer.concat(chunks), all: all() };
}
