import { type Launched, Loop } from './loop.ts';
import {
  type Cell,
  type CellResult,
  type Language,
  type Limits,
  type Output,
  RuntimeUnavailable,
  type Session,
  type StopReason,
} from './runtime.ts';
import { exceeds, unnamedBytes } from './usage.ts';
import { Watch } from './watch.ts';

/** How a runtime starts the loop of a language. */
export type Launch = (language: Language, limits: Limits) => Launched;

type Options = {
  launch: Launch;
  languages: readonly Language[];
  limits: Limits;
  /** The working copy, where cells write to the disk. */
  folder?: string;
};

const FOLDER_WATCH_MS = 250;

/** A session over loops: one for each language, started when first needed and after a kill. */
export class LoopSession implements Session {
  readonly #options: Options;
  readonly #watch: Watch | undefined;
  #loops = new Map<Language, Loop>();
  #running: Loop | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #ended = Promise.withResolvers<void>();

  constructor(options: Options) {
    this.#options = options;
    const { folder } = options;
    if (folder)
      this.#watch = new Watch(
        () => this.#look(folder),
        () => FOLDER_WATCH_MS,
      );
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  run(cell: Cell, emit: (output: Output) => void, signal?: AbortSignal): Promise<CellResult> {
    const result = this.#queue.then(() => this.#run(cell, emit, signal));
    this.#queue = result.catch(() => {});
    return result;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(reason?: StopReason): Promise<void> {
    this.#watch?.stop();
    if (reason) this.#running?.stop(reason);
    await Promise.all([...this.#loops.values()].map((loop) => loop.close()));
    this.#ended.resolve();
  }

  async #run(
    cell: Cell,
    emit: (output: Output) => void,
    signal: AbortSignal | undefined,
  ): Promise<CellResult> {
    try {
      signal?.throwIfAborted();
      const loop = await this.#loop(cell.language);
      await loop.ready(signal);
      this.#running = loop;
      return await loop.run(cell, emit, signal);
    } catch (error) {
      if (signal?.aborted) return { exitCode: 130, reason: 'killed' };
      throw error;
    } finally {
      this.#running = undefined;
    }
  }

  async #loop(language: Language): Promise<Loop> {
    const { launch, languages, limits } = this.#options;
    if (this.#closed) throw new RuntimeUnavailable('The session is closed.');
    if (!languages.includes(language)) {
      throw new RuntimeUnavailable(`This runtime does not run ${language}.`);
    }
    // TypeScript is JavaScript with its types blanked out: both see the same variables.
    const key = language === 'typescript' ? 'javascript' : language;
    const current = this.#loops.get(key);
    if (current?.alive) return current;
    await current?.close();
    if (this.#closed) throw new RuntimeUnavailable('The session is closed.');
    const loop = new Loop(launch(key, limits), limits);
    this.#loops.set(key, loop);
    return loop;
  }

  /** The folder is measured between cells too: leftovers write on. */
  async #look(folder: string): Promise<void> {
    const { folderBytes, folderEntries } = this.#options.limits;
    const pids = [...this.#loops.values()].flatMap((loop) => loop.pids);
    if (pids.length === 0) return;
    const unnamed = await unnamedBytes(pids);
    const most = { bytes: folderBytes - unnamed, entries: folderEntries };
    if (unnamed > folderBytes || (await exceeds(folder, most)))
      this.#closed ??= this.#close('disk');
  }
}
