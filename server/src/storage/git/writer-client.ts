import { Worker } from 'node:worker_threads';
import { StorageFull, StorageNotFound, StorageUnavailable } from '../errors.ts';
import type { Stored } from '../storage.ts';
import { PathClash } from './tree-edit.ts';
import type { CommitRequest, Committed, Operation, Prepared } from './writer.ts';
import type { Reply, Request } from './writer-worker.ts';

type Waiting = PromiseWithResolvers<unknown> & {
  prepared?: ((result: unknown) => void) | undefined;
};

/** The server's side of the writer thread. A thread that dies fails what it held; none is lost silently. */
export class WriterClient {
  #worker: Worker;
  #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #dead: Error | undefined;

  private constructor(root: string) {
    this.#worker = new Worker(new URL('./writer-worker.ts', import.meta.url), { workerData: root });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', () => this.#die(new Error('the git writer has ended')));
  }

  /** Starts the thread; resolves when the journal has been replayed. */
  static async start(root: string): Promise<WriterClient> {
    const client = new WriterClient(root);
    await client.#expect(0);
    return client;
  }

  put(repository: string, bytes: Uint8Array): Promise<Stored> {
    return this.#ask({ kind: 'put', repository, bytes });
  }

  /** Resolves when the commit's id is known; its `durable` when it is on the disk. */
  async commit(repository: string, request: CommitRequest): Promise<Prepared> {
    const known = Promise.withResolvers<Committed>();
    const prepared = (result: unknown) => known.resolve(result as Committed);
    const durable = this.#ask<Committed>({ kind: 'commit', repository, request }, prepared);
    durable.catch(known.reject);
    return { ...(await known.promise), durable };
  }

  async close(): Promise<void> {
    if (this.#dead) return;
    await this.#ask({ kind: 'close' });
    await this.#worker.terminate();
  }

  #ask<T>(
    operation: Operation | { kind: 'close' },
    prepared?: (result: unknown) => void,
  ): Promise<T> {
    if (this.#dead) return Promise.reject(new StorageUnavailable(this.#dead));
    const id = ++this.#lastId;
    this.#worker.postMessage({ id, operation } satisfies Request);
    return this.#expect(id, prepared) as Promise<T>;
  }

  #expect(id: number, prepared?: (result: unknown) => void): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { ...waiting, prepared });
    return waiting.promise;
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if ('prepared' in reply) {
      waiting?.prepared?.(reply.prepared);
      return;
    }
    this.#waiting.delete(reply.id);
    if ('result' in reply) waiting?.resolve(reply.result);
    else waiting?.reject(revive(reply.error));
  }

  #die(cause: Error): void {
    this.#dead ??= cause;
    for (const waiting of this.#waiting.values()) waiting.reject(new StorageUnavailable(cause));
    this.#waiting.clear();
  }
}

function revive({ code, message, path }: { code?: string; message: string; path?: string }): Error {
  if (code === 'path_clash') return new PathClash(path ?? '');
  if (code === 'storage_not_found') return new StorageNotFound();
  if (code === 'storage_full') return new StorageFull();
  return new StorageUnavailable(new Error(message));
}
