/** What pushed blobs are as files: their content, and who made them. */
import { buffer } from 'node:stream/consumers';
import type { Queries, Tenant } from '../database/database.ts';
import type { Spawner } from '../spawn/spawner.ts';
import { kindOf } from '../storage/content-kind.ts';
import { type CommitFields, decodeCommit, type Person } from '../storage/git/objects.ts';
import type { Storages } from '../storage/storages.ts';
import type { Content, ContentStore } from './content-store.ts';
import { findObject, type LfsObject, readPointer } from './lfs.ts';
import { printable } from './push-check.ts';
import { readObjects } from './push-git.ts';
import { PushRefused } from './push-quarantine.ts';
import type { Recorded } from './record-version.ts';

const HEAD_BYTES = 64 * 1024;
const LIVE_BYTES = 4 * 2 ** 20;

export class PushContents {
  readonly #database: Queries;
  readonly #spawner: Spawner;
  readonly #storages: Storages;
  readonly #contents: ContentStore;

  constructor(database: Queries, spawner: Spawner, storages: Storages, contents: ContentStore) {
    this.#database = database;
    this.#spawner = spawner;
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

  /** Authors, time and message of a commit, for the versions that it made. */
  async about(workspaceId: string, commit: string): Promise<Recorded> {
    return (await this.aboutAll(workspaceId, [commit])).get(commit)!;
  }

  /** The same of many commits, by their ids, in one go. */
  async aboutAll(workspaceId: string, commits: Iterable<string>): Promise<Map<string, Recorded>> {
    const view = { repository: this.#storages.git.folder(workspaceId) };
    const found = new Map<string, Recorded>();
    for await (const { oid, body } of readObjects(this.#spawner, view, [...new Set(commits)])) {
      found.set(oid, recorded(oid, decodeCommit(body)));
    }
    return found;
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

function recorded(commit: string, { author, message, date }: CommitFields): Recorded {
  const coAuthors = [...message.matchAll(TRAILER)].map(
    ([, name, email]): Person => ({ name: name!, email: email! }),
  );
  return {
    commit,
    message: storable(message.trimEnd().slice(0, 10_000)),
    authors: [author, ...coAuthors].map(({ name, email }) => ({
      name: storable(name),
      email: storable(email),
    })),
    at: isStorable(date) ? date : undefined,
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** Text without characters that PostgreSQL refuses, or that a terminal obeys. */
const storable = (text: string): string => text.replace(CONTROL, '\ufffd').toWellFormed();

/** Years 1 to 9999: others have no common notation. */
const isStorable = (date: Date): boolean => date.getTime() >= FIRST && date.getTime() <= LAST;
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59Z');
