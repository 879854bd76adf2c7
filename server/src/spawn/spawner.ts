import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Child, RemoteChild, SpawnFailed } from './child.ts';
import { encodeJson, type Frame, FrameDecoder, Kind } from './frames.ts';

export type SpawnOptions = {
  cwd?: string;
  /** The child's whole environment; nothing is inherited. */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** Open descriptor 3 in the child, both ways, as `child.control`. */
  control?: boolean;
};

export type SpawnRequest = SpawnOptions & { command: string; args: readonly string[] };

export interface Spawner {
  /** Starts a process in a group of its own. Never throws: see `child.exited`. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): Child;
  /** The helper's process id. */
  readonly pid: number | undefined;
  /** Kills all children, then ends the helper. */
  close(): Promise<void>;
}

const HELPER = fileURLToPath(new URL('./helper.ts', import.meta.url));
const SAFE_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** Starts the helper process and resolves when it is ready to spawn. */
export async function startSpawner(): Promise<Spawner> {
  const spawner = new HelperSpawner();
  await spawner.ready();
  return spawner;
}

class HelperSpawner implements Spawner {
  #helper: Helper | undefined;
  #closed = false;
  #lastId = 0;

  get pid(): number | undefined {
    return this.#helper?.process.pid;
  }

  async ready(): Promise<void> {
    await this.#living().ready;
  }

  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): Child {
    const helper = this.#closed ? undefined : this.#living();
    const id = ++this.#lastId;
    const child = new RemoteChild(id, options.control === true, (frame) => helper?.send(frame));
    const request: SpawnRequest = { env: SAFE_ENV, ...options, command, args };
    if (helper) helper.start(id, child, request);
    else child.fail(new SpawnFailed('the spawner is closed', 'CLOSED'));
    return child;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#helper?.close();
  }

  #living(): Helper {
    if (this.#helper) return this.#helper;
    const helper = new Helper((wasReady) => {
      if (this.#helper === helper) this.#helper = undefined;
      // Started ahead of the next request, except when it cannot start at all: no busy loop.
      if (wasReady && !this.#closed) this.#living();
    });
    this.#helper = helper;
    return helper;
  }
}

/** One life of the helper process and the children that live in it. */
class Helper {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  #socket: Duplex;
  #children = new Map<number, RemoteChild>();
  #ready = Promise.withResolvers<void>();
  #wasReady = false;
  #ended: (wasReady: boolean) => void;

  constructor(ended: (wasReady: boolean) => void) {
    this.#ended = ended;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.process = spawn(process.execPath, [HELPER], {
      env: SAFE_ENV,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    this.#socket = this.process.stdio[3] as Duplex;
    const decoder = new FrameDecoder();
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of decoder.push(chunk)) this.#receive(frame);
    });
    this.#socket.on('error', () => {});
    this.process.once('error', (error) => this.#die(error));
    this.process.once('exit', () => this.#die());
  }

  send(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(frame);
  }

  start(id: number, child: RemoteChild, request: SpawnRequest): void {
    this.#children.set(id, child);
    this.send(encodeJson(Kind.Spawn, id, request));
  }

  async close(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.#socket.destroy();
    await exit;
  }

  #receive(frame: Frame): void {
    if (frame.kind !== Kind.Ready) {
      const child = this.#children.get(frame.child);
      child?.receive(frame);
      if (child?.over) this.#children.delete(frame.child);
      return;
    }
    this.#wasReady = true;
    this.#ready.resolve();
  }

  #die(cause?: Error): void {
    const error = new SpawnFailed('the spawn helper died', 'HELPER_DIED');
    error.cause = cause;
    this.#ready.reject(error);
    for (const child of this.#children.values()) {
      killOrphan(child);
      child.fail(error);
    }
    this.#children.clear();
    this.#ended(this.#wasReady);
  }
}

function killOrphan(child: RemoteChild): void {
  if (child.pid === undefined || child.over) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended with the helper.
  }
}
