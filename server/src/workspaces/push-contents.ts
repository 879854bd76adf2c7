/** What pushed blobs are as files: their content, and who made them. */
import { buffer } from 'node:stream/consumers';
import type { Queries, Tenant } from '../database/database.ts';
import { kindOf } from '../storage/content-kind.ts';
import type { LogEntry, Person } from '../storage/git.ts';
import type { Storages } from '../storage/storages.ts';
import type { Content, ContentStore } from './content-store.ts';
import { findObject, type LfsObject, readPointer } from './lfs.ts';
import { printable } from './push-check.ts';
import { PushRefused } from './push-quarantine.ts';
import type { Recorded } from './record-version.ts';

const HEAD_BYTES = 64 * 1024;
const LIVE_BYTES = 4 * 2 ** 20;

export class PushContents {
  readonly #database: Queries;
  readonly #storages: Storages;
  readonly #contents: ContentStore;

  constructor(database: Queries, storages: Storages, contents: ContentStore) {
    this.#database = database;
    this.#storages = storages;
    this.#contents = contents;
  }

  /** A blob of the workspace's repository. */
  async blob(tenant: Tenant, workspaceId: string, oid: string): Promise<Buffer> {
    return buffer(await this.#storages.git.get({ teamId: tenant.teamId, workspaceId }, oid));
  }

  /** The content of a pushed blob: its bytes, or what its LFS pointer stands for. @throws PushRefused */
  async settle(
    tenant: Tenant,
    workspaceId: string,
    path: string,
    { oid, body: bytes }: { oid: string; body: Buffer },
  ): Promise<Content> {
    const pointer = readPointer(bytes);
    if (!pointer) return this.#contents.adopt(tenant, workspaceId, path, oid, bytes);
    const object = await findObject(this.#database, tenant, workspaceId, pointer.sha256);
    if (!object || object.size !== pointer.size) {
      throw new PushRefused(
        `${printable(path)} is an LFS pointer to content that is not here; run "git lfs push" first.`,
      );
    }
    return this.#pointed(tenant, workspaceId, path, oid, object);
  }

  /** Stores a merged text. */
  store(tenant: Tenant, workspaceId: string, path: string, bytes: Buffer): Promise<Content> {
    return this.#contents.put(tenant, { workspaceId, path }, bytes);
  }

  /** Author, co-authors, time and message of a commit, for the versions that it made. */
  async about(workspaceId: string, commit: string): Promise<Recorded> {
    const [entry] = await this.#storages.git.log(workspaceId, commit, { limit: 1 });
    return recorded(entry!);
  }

  async #pointed(
    tenant: Tenant,
    workspaceId: string,
    path: string,
    oid: string,
    object: LfsObject,
  ): Promise<Content> {
    const located = { workspace_id: workspaceId, ...object };
    const whole = object.size <= LIVE_BYTES;
    const range = { start: 0, end: whole ? object.size : HEAD_BYTES };
    const start = await buffer(await this.#contents.read(tenant, located, range));
    const kind = await kindOf(path, start);
    return {
      address: object.address,
      size: object.size,
      sha256: object.sha256,
      ...{ backend: object.storage_backend, wanted: object.home_backend ?? object.storage_backend },
      contentType: kind.contentType,
      live: kind.text && whole,
      found: kind.text && whole ? await this.#contents.find(tenant, path, start) : undefined,
      treeAddress: oid,
    };
  }
}

const TRAILER = /^co-authored-by:\s*([^<\n]+?)\s*<([^<>\n]+)>\s*$/gim;

function recorded({ commit, author, message, date }: LogEntry): Recorded {
  const coAuthors = [...message.matchAll(TRAILER)].map(
    ([, name, email]): Person => ({ name: name!, email: email! }),
  );
  const clean = (text: string) => text.toWellFormed().replaceAll('\0', '');
  return {
    commit,
    message: clean(message.trimEnd()).slice(0, 10_000),
    authors: [author, ...coAuthors].map(({ name, email }) => ({
      name: clean(name),
      email: clean(email),
    })),
    at: Number.isFinite(date.getTime()) ? date : undefined,
  };
}
