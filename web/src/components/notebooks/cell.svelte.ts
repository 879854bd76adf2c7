import { cellLanguageOf } from '@kyozo/markdown';
import { messages } from '../../messages.ts';
import { readableError } from '../../services/errors.ts';
import { taskRuns } from '../../services/task-runs.ts';
import type { Output, TaskRun } from '../../types/records.ts';
import { append } from './output.ts';

export type CellPlace = { position: number; language: string | null; name: string | null };

/** One cell on the page: where it stands, its newest run and what that run has said so far. */
export class Cell {
  place: CellPlace = $state.raw({ position: 0, language: null, name: null });
  run: TaskRun | null = $state.raw(null);
  outputs: Output[] = $state.raw([]);
  problem = $state('');
  isStarting = $state(false);
  #isStopping = $state(false);

  /** Something here runs this language. */
  readonly isRunnable = $derived(cellLanguageOf(this.place.language) !== undefined);

  /** The outputs to show: how a language says that somebody has stopped it is no error of the cell. */
  readonly shown = $derived(
    this.#isStopping || this.run?.status === 'cancelled'
      ? this.outputs.filter(({ stream }) => stream !== 'error')
      : this.outputs,
  );

  readonly isBusy = $derived(
    this.isStarting || this.run?.status === 'queued' || this.run?.status === 'running',
  );

  /** Settles when the run that is shown has been read to its end. */
  ended: Promise<void> = Promise.resolve();

  #reading: AbortController | null = null;

  constructor(position: number) {
    this.place = { position, language: null, name: null };
  }

  /** Starts a run; `start` finds the task and asks the server to run it. */
  async start(start: () => Promise<TaskRun>): Promise<void> {
    if (this.isBusy) return;
    this.isStarting = true;
    this.problem = '';
    try {
      this.show(await start());
    } catch (error) {
      this.problem = error instanceof CellChanged ? messages.cells.notSaved : readableError(error);
    }
    this.isStarting = false;
  }

  async stop(): Promise<void> {
    if (!this.run) return;
    this.#isStopping = true;
    try {
      await taskRuns.cancel(this.run.id);
    } catch (error) {
      this.#isStopping = false;
      this.problem = readableError(error);
    }
  }

  /** Shows a run: one of ours or someone else's, under way or over. */
  show(run: TaskRun): void {
    const isAnother = this.run?.id !== run.id;
    // A list that was read before the end may arrive after it.
    if (!isAnother && this.run?.finishedAt) return;
    this.run = run;
    if (!isAnother) return;
    this.outputs = [];
    this.problem = '';
    this.#isStopping = false;
    this.#reading?.abort();
    this.#reading = new AbortController();
    this.ended = this.#read(run.id, this.#reading.signal);
  }

  destroy(): void {
    this.#reading?.abort();
  }

  async #read(id: string, signal: AbortSignal): Promise<void> {
    try {
      for await (const output of taskRuns.follow(id, this.outputs.at(-1)?.seq ?? 0, signal)) {
        this.outputs = append(this.outputs, output);
      }
      this.run = await taskRuns.one(id);
    } catch (error) {
      if (signal.aborted) return;
      this.problem = readableError(error);
    }
  }
}

/** The task that the server knows is not the one on the page. */
export class CellChanged extends Error {}
