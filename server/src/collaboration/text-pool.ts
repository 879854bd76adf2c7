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
/** Characters and bytes that are worked on where they are: the worst of this size take 15 ms. */
const smallest = 2_048;
const memory = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 };

/**
 * Reads and writes people's texts apart from the server's thread, in a few workers that start when they
 * are needed. Teams take turns. Work over the limit of time or memory ends with its worker.
 */
export class TextPool {
  readonly #size: number;
  readonly #patience: number;
  /** What waits, by team; the team at the front is next. */
  readonly #waiting = new Map<string, Job[]>();
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, (error: Error) => void>();
  #stopped = false;

  constructor(limits: { size?: number; patience?: number } = {}) {
    this.#size = limits.size ?? Math.max(2, Math.min(4, availableParallelism() - 1));
    this.#patience = limits.patience ?? patience;
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
    return new Promise((resolve, reject) => {
      const job: Job = { name, values: given, resolve, reject };
      this.#waiting.set(team, [...(this.#waiting.get(team) ?? []), job]);
      this.#next();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const ended = new TextTooCostly('The server ends.');
    for (const jobs of this.#waiting.values()) for (const { reject } of jobs) reject(ended);
    this.#waiting.clear();
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    for (const fail of this.#busy.values()) fail(ended);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#waiting.size > 0) {
      const worker = this.#idle.pop() ?? this.#start();
      if (!worker) return;
      void this.#work(worker, this.#take());
    }
  }

  #start(): Worker | undefined {
    if (this.#busy.size >= this.#size) return undefined;
    const file = new URL('./text-worker.ts', import.meta.url);
    const worker = new Worker(file, { resourceLimits: memory, execArgv: [] });
    // What it is asked for hears of its end by itself; without this, an end would be an uncaught error.
    worker.on('error', () => undefined);
    // One that waits for work does not keep the process alive.
    worker.unref();
    return worker;
  }

  /** The oldest job of the team at the front, which goes to the end. */
  #take(): Job {
    const [team, [job, ...others]] = this.#waiting.entries().next().value! as [string, Job[]];
    this.#waiting.delete(team);
    if (others.length > 0) this.#waiting.set(team, others);
    return job!;
  }

  async #work(worker: Worker, { name, values, resolve, reject }: Job): Promise<void> {
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
      if (!this.#stopped) this.#idle.push(worker);
      if ('failure' in outcome) reject(new TextTooCostly(outcome.failure));
      else resolve(outcome.result as never);
    } catch (error) {
      this.#busy.delete(worker);
      void worker.terminate();
      reject(error as Error);
    }
    clearTimeout(limit);
    this.#next();
  }
}

function isSmall(values: readonly unknown[]): boolean {
  const sizes = values.map((value) =>
    typeof value === 'string' || value instanceof Uint8Array ? value.length : 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0) <= smallest;
}
