import type { Child } from '../spawn/child.ts';
import { Loop } from './loop.ts';
import {
  type Cell,
  type CellResult,
  type Language,
  type Limits,
  type Output,
  RuntimeUnavailable,
  type Session,
} from './runtime.ts';

/** How a runtime starts the loop of a language. */
export type Launch = (language: Language, limits: Limits) => Child;

/** A session over loops: one for each language, started when first needed and after a kill. */
export class LoopSession implements Session {
  #launch: Launch;
  #languages: readonly Language[];
  #limits: Limits;
  #loops = new Map<Language, Loop>();
  #running: Loop | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(launch: Launch, languages: readonly Language[], limits: Limits) {
    this.#launch = launch;
    this.#languages = languages;
    this.#limits = limits;
  }

  run(cell: Cell, emit: (output: Output) => void): Promise<CellResult> {
    const result = this.#queue.then(() => this.#run(cell, emit));
    this.#queue = result.catch(() => {});
    return result;
  }

  interrupt(): void {
    this.#running?.stop('killed');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#loops.values()].map((loop) => loop.close()));
  }

  async #run(cell: Cell, emit: (output: Output) => void): Promise<CellResult> {
    const loop = await this.#loop(cell.language);
    this.#running = loop;
    try {
      return await loop.run(cell, emit);
    } finally {
      this.#running = undefined;
    }
  }

  async #loop(language: Language): Promise<Loop> {
    if (this.#closed) throw new RuntimeUnavailable('The session is closed.');
    if (!this.#languages.includes(language)) {
      throw new RuntimeUnavailable(`This runtime does not run ${language}.`);
    }
    // TypeScript is JavaScript with its types blanked out: both see the same variables.
    const key = language === 'typescript' ? 'javascript' : language;
    const current = this.#loops.get(key);
    if (current?.alive) return current;
    const loop = new Loop(this.#launch(key, this.#limits), this.#limits);
    this.#loops.set(key, loop);
    await loop.ready();
    return loop;
  }
}
