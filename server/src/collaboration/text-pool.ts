import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type TextWork, textWork } from './text-work.ts';
import type { Outcome, Task } from './text-worker.ts';

/** A text took more time or memory than it may, or nothing can be made of it. */
export class TextTooCostly extends Error {
  constructor(reason: string) {
    super(`A text could not be worked on: ${reason}`);
    this.name = 'TextTooCostly';
  }
}

type Job = Task & { resolve: (result: never) => void; reject: (error: Error) => void };

/** Milliseconds for one piece of work; a plain text of 4 MiB takes about one second. */
const patience = 10_000;
/** Milliseconds after which a worker without work ends: V8 gives the memory of an idle one back to nobody. */
const rest = 20_000;
/** Pieces of work of one team that may wait. */
const mostWaiting = 200;
/** Characters and bytes that are worked on where they are: the worst of this size take 15 ms. */
const smallest = 2_048;
const memory = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 };

/**
 * Reads and writes people's texts apart from the server's thread, in a few workers that start when they
 * are needed. Teams take turns, and no team has all of the workers. Work over the limit of time or memory
 * ends with its worker.
 */
export class TextPool {
  readonly #size: number;
  readonly #patience: number;
  readonly #rests: number;
  /** What waits, by team; the team at the front is next. */
  readonly #waiting = new Map<string, Job[]>();
  /** Workers without work, and the timer that ends each; the last that worked is last. */
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #busy = new Map<Worker, (error: Error) => void>();
  /** Workers that are at work, by team. */
  readonly #working = new Map<string, number>();
  #stopped = false;

  constructor(limits: { size?: number; patience?: number; rest?: number } = {}) {
    this.#size = limits.size ?? Math.max(2, Math.min(4, availableParallelism() - 1));
    this.#patience = limits.patience ?? patience;
    this.#rests = limits.rest ?? rest;
  }

  /** Does a piece of work for a team. @throws TextTooCostly when it takes too much, or fails */
  async run<Name extends keyof TextWork>(
    team: string,
    name: Name,
    ...values: Parameters<TextWork[Name]>
  ): Promise<ReturnType<TextWork[Name]>> {
    const given = values as unknown as never[];
    if (isSmall(given)) {
      try {
        return (textWork[name] as (...all: never[]) => ReturnType<TextWork[Name]>)(...given);
      } catch (error) {
        throw new TextTooCostly(error instanceof Error ? error.message : String(error));
      }
    }
    if (this.#stopped) throw new TextTooCostly('The server ends.');
    const waiting = this.#waiting.get(team) ?? [];
    if (waiting.length >= mostWaiting) throw new TextTooCostly('Too much of the team waits.');
    return new Promise((resolve, reject) => {
      waiting.push({ name, values: given, resolve, reject });
      this.#waiting.set(team, waiting);
      this.#next();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const ended = new TextTooCostly('The server ends.');
    for (const jobs of this.#waiting.values()) for (const { reject } of jobs) reject(ended);
    this.#waiting.clear();
    for (const timer of this.#idle.values()) clearTimeout(timer);
    const workers = [...this.#idle.keys(), ...this.#busy.keys()];
    this.#idle.clear();
    for (const fail of this.#busy.values()) fail(ended);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    for (let team = this.#front(); team !== undefined; team = this.#front()) {
      const worker = this.#wake() ?? this.#start();
      if (!worker) return;
      void this.#work(worker, team, this.#take(team));
    }
  }

  /** The worker that worked last, so that the others come to rest. */
  #wake(): Worker | undefined {
    const [worker, timer] = [...this.#idle].at(-1) ?? [];
    if (worker) this.#idle.delete(worker);
    clearTimeout(timer);
    return worker;
  }

  #rest(worker: Worker): void {
    const end = () => {
      this.#idle.delete(worker);
      void worker.terminate();
    };
    this.#idle.set(worker, setTimeout(end, this.#rests).unref());
  }

  #start(): Worker | undefined {
    if (this.#busy.size >= this.#size) return undefined;
    const file = new URL('./text-worker.ts', import.meta.url);
    const worker = new Worker(file, { resourceLimits: memory, execArgv: [] });
    // What it is asked for hears of its end by itself; without this, an end would be an uncaught error.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      clearTimeout(this.#idle.get(worker));
      this.#idle.delete(worker);
    });
    // One that waits for work does not keep the process alive.
    worker.unref();
    return worker;
  }

  /** The team whose turn it is: the first that leaves a worker to the others. */
  #front(): string | undefined {
    const most = Math.max(1, this.#size - 1);
    for (const team of this.#waiting.keys()) if ((this.#working.get(team) ?? 0) < most) return team;
    return undefined;
  }

  /** The oldest job of a team, which goes to the end. */
  #take(team: string): Job {
    const jobs = this.#waiting.get(team)!;
    const job = jobs.shift()!;
    this.#waiting.delete(team);
    if (jobs.length > 0) this.#waiting.set(team, jobs);
    return job;
  }

  #count(team: string, by: 1 | -1): void {
    const count = (this.#working.get(team) ?? 0) + by;
    if (count > 0) this.#working.set(team, count);
    else this.#working.delete(team);
  }

  async #work(worker: Worker, team: string, { name, values, resolve, reject }: Job): Promise<void> {
    this.#count(team, 1);
    const { promise, resolve: done, reject: fail } = Promise.withResolvers<Outcome>();
    this.#busy.set(worker, fail);
    const limit = setTimeout(() => fail(new TextTooCostly('It took too long.')), this.#patience);
    const failed = (error: Error) => fail(new TextTooCostly(error.message));
    const ended = () => fail(new TextTooCostly('Its worker ended.'));
    worker.ref();
    worker.once('message', done).once('error', failed).once('exit', ended);
    worker.postMessage({ name, values });
    try {
      const outcome = await promise;
      worker.off('message', done).off('error', failed).off('exit', ended).unref();
      this.#busy.delete(worker);
      if (!this.#stopped) this.#rest(worker);
      if ('failure' in outcome) reject(new TextTooCostly(outcome.failure));
      else resolve(outcome.result as never);
    } catch (error) {
      this.#busy.delete(worker);
      void worker.terminate();
      reject(error as Error);
    }
    clearTimeout(limit);
    this.#count(team, -1);
    this.#next();
  }
}

function isSmall(values: readonly unknown[]): boolean {
  const sizes = values.map((value) =>
    typeof value === 'string' || value instanceof Uint8Array ? value.length : 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0) <= smallest;
}
