import { hash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { makeFolder, removeAbandoned } from './durable.ts';
import { toStorageError } from './errors.ts';
import { type LogEntry, type LogOptions, readLog, type TreeFile, walkTree } from './git/history.ts';
import { putLarge } from './git/large-object.ts';
import { hooksFolder, journalFolder, repositoryFolder, temporaryFolder } from './git/layout.ts';
import { objectIds } from './git/list.ts';
import { objectId } from './git/objects.ts';
import { ObjectReader } from './git/reader.ts';
import { RefMoves } from './git/ref-moves.ts';
import { listRefs, readRef } from './git/refs.ts';
import { createRepository } from './git/repository.ts';
import type { CommitRequest, Committed, Prepared } from './git/writer.ts';
import { WriterClient } from './git/writer-client.ts';
import { checkPath } from './path-rules.ts';
import { assertUuid, type ByteRange, type Scope, type Storage, type Stored } from './storage.ts';

export type { LogEntry, LogOptions, TreeFile } from './git/history.ts';
export type { FileMode, Person } from './git/objects.ts';
export { type Change, PathClash } from './git/tree-edit.ts';
export type { CommitRequest, Committed, FileChange } from './git/writer.ts';

/** What git knows beyond content: trees, commits and refs of a workspace's bare repository. */
export interface Versions {
  /** Makes the repository; nothing happens when it is there. */
  create(workspaceId: string): Promise<void>;
  /** Removes the repository and all of its history. */
  destroy(workspaceId: string): Promise<void>;
  /**
   * Writes trees, a commit and the content that comes with it, durably; moves no ref. Every address
   * must be stored already.
   * Errors: StorageNotFound (an address or the parent), PathClash, TypeError for a refused path.
   */
  commit(workspaceId: string, request: CommitRequest): Promise<Committed>;
  /** The same, but resolves when the commit's id is known, so that other work goes on beside the sync. */
  prepare(workspaceId: string, request: CommitRequest): Promise<Prepared>;
  /** Moves a branch or tag, atomically; null removes it. Of moves that wait, the last one counts. */
  setRef(workspaceId: string, ref: string, oid: string | null): Promise<void>;
  /** Makes `refs/heads/main` say what the database says. */
  repairRef(workspaceId: string, head: string | null): Promise<void>;
  /** Makes `main` and all other refs say what the database says. */
  repairRefs(
    workspaceId: string,
    head: string | null,
    others: ReadonlyMap<string, string>,
  ): Promise<void>;
  readTree(workspaceId: string, commit: string): AsyncIterable<TreeFile>;
  /** Newest first, at most `limit` (50). */
  log(workspaceId: string, commit: string, options?: LogOptions): Promise<LogEntry[]>;
  /** The repository's folder, for git's own programs. */
  folder(workspaceId: string): string;
}

const MAIN = 'refs/heads/main';
/** Larger content is streamed past the writer thread instead of sent to it whole. */
export const LARGE = 1024 * 1024;

/** Opens the git backend below `folder`, after replaying what a crash left in the journal. */
export async function openGit(folder: string): Promise<GitStorage> {
  const root = resolve(folder);
  for (const path of [temporaryFolder(root), journalFolder(root)]) await makeFolder(path);
  await mkdir(hooksFolder(root), { mode: 0o555, recursive: true });
  await removeAbandoned(temporaryFolder(root));
  return new GitStorage(root, await WriterClient.start(root));
}

export class GitStorage implements Storage, Versions {
  #root: string;
  #writer: WriterClient;
  #reader: ObjectReader;
  #created = new Map<string, Promise<void>>();
  readonly #moves = new RefMoves();

  constructor(root: string, writer: WriterClient) {
    this.#root = root;
    this.#writer = writer;
    this.#reader = new ObjectReader(root);
  }

  async put(scope: Scope, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Stored> {
    await this.create(scope.workspaceId);
    try {
      const { start, rest } = await readStart(body);
      if (!rest) return await this.#writer.put(scope.workspaceId, start);
      return await putLarge(this.#root, scope.workspaceId, rest);
    } catch (error) {
      throw toStorageError(error);
    }
  }

  async get(scope: Scope, address: string, range?: ByteRange): Promise<Readable> {
    assertUuid(scope.workspaceId);
    return this.#reader.stream(scope.workspaceId, address, range);
  }

  async head(scope: Scope, address: string): Promise<{ size: number } | undefined> {
    assertUuid(scope.workspaceId);
    const info = await this.#reader.info(scope.workspaceId, address);
    return info?.type === 'blob' ? { size: info.size } : undefined;
  }

  async *list(scope: Scope): AsyncIterable<string> {
    for await (const oid of objectIds(this.folder(scope.workspaceId))) {
      if (await this.head(scope, oid)) yield oid;
    }
  }

  /** History keeps every version: nothing is removed. */
  async delete(): Promise<void> {}

  create(workspaceId: string): Promise<void> {
    assertUuid(workspaceId);
    let created = this.#created.get(workspaceId);
    if (!created) {
      created = createRepository(this.#root, workspaceId).catch((error) => {
        this.#created.delete(workspaceId);
        throw toStorageError(error);
      });
      this.#created.set(workspaceId, created);
    }
    return created;
  }

  async destroy(workspaceId: string): Promise<void> {
    // A ref that moves later would bring its folder back.
    await this.#moves.settled(this.folder(workspaceId));
    this.#created.delete(workspaceId);
    await rm(this.folder(workspaceId), { recursive: true, force: true });
  }

  async commit(workspaceId: string, request: CommitRequest): Promise<Committed> {
    const { durable, ...committed } = await this.prepare(workspaceId, request);
    await durable;
    return committed;
  }

  async prepare(workspaceId: string, request: CommitRequest): Promise<Prepared> {
    for (const { path } of request.changes) {
      const problem = checkPath(path);
      if (problem) throw new TypeError(problem.message);
    }
    await this.create(workspaceId);
    return this.#writer.commit(workspaceId, request);
  }

  async setRef(workspaceId: string, ref: string, oid: string | null): Promise<void> {
    await this.create(workspaceId);
    return this.#moves.move(this.folder(workspaceId), ref, oid);
  }

  async repairRef(workspaceId: string, head: string | null): Promise<void> {
    await this.create(workspaceId);
    const current = await readRef(this.folder(workspaceId), MAIN);
    if (current !== (head ?? undefined)) await this.setRef(workspaceId, MAIN, head);
  }

  async repairRefs(
    workspaceId: string,
    head: string | null,
    others: ReadonlyMap<string, string>,
  ): Promise<void> {
    await this.repairRef(workspaceId, head);
    const found = await listRefs(this.folder(workspaceId));
    found.delete(MAIN);
    for (const name of found.keys()) {
      if (!others.has(name)) await this.setRef(workspaceId, name, null);
    }
    for (const [name, oid] of others) {
      if (found.get(name) !== oid) await this.setRef(workspaceId, name, oid);
    }
  }

  async *readTree(workspaceId: string, commit: string): AsyncIterable<TreeFile> {
    assertUuid(workspaceId);
    const { tree } = await this.#reader.commit(workspaceId, commit);
    yield* walkTree(this.#reader, workspaceId, tree);
  }

  log(workspaceId: string, commit: string, options: LogOptions = {}): Promise<LogEntry[]> {
    assertUuid(workspaceId);
    return readLog(this.#reader, workspaceId, commit, options);
  }

  folder(workspaceId: string): string {
    assertUuid(workspaceId);
    return repositoryFolder(this.#root, workspaceId);
  }

  /** Finishes running writes and stops the writer thread. */
  async close(): Promise<void> {
    // Callers leave refs to move by themselves.
    await this.#moves.settled();
    await this.#writer.close();
  }
}

/** What `put` answers for content of a size that it would take whole, without storing it. */
export function blobOf(content: Uint8Array): Stored {
  const sha256 = hash('sha256', content);
  return { address: objectId('blob', content), size: content.length, sha256 };
}

/** The whole body when it is small; else `rest`, which yields all of it, start included. */
async function readStart(
  body: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<{ start: Uint8Array; rest?: AsyncIterable<Uint8Array> }> {
  if (body instanceof Uint8Array) {
    return body.length <= LARGE ? { start: body } : { start: body, rest: chain([body]) };
  }
  const chunks: Uint8Array[] = [];
  const iterator = body[Symbol.asyncIterator]();
  for (let size = 0; size <= LARGE; ) {
    const { done, value } = await iterator.next();
    if (done) return { start: Buffer.concat(chunks) };
    chunks.push(value);
    size += value.length;
  }
  return { start: chunks[0]!, rest: chain(chunks, iterator) };
}

async function* chain(
  chunks: Uint8Array[],
  iterator?: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  yield* chunks;
  if (iterator) yield* { [Symbol.asyncIterator]: () => iterator };
}
