import { mount, unmount } from 'svelte';
import { messages } from '../../messages.ts';
import { files } from '../../services/files.ts';
import { notebooks } from '../../services/notebooks.ts';
import { queryClient } from '../../services/query-client.ts';
import { taskRuns } from '../../services/task-runs.ts';
import type { Task, TaskRun } from '../../types/records.ts';
import { tell } from '../../ui/toast/index.ts';
import CellControl from './CellControl.svelte';
import CellOutputs from './CellOutputs.svelte';
import { Cell, CellChanged, type CellPlace } from './cell.svelte.ts';

type Slots = { gutter: HTMLElement; outputs: HTMLElement };
type Mounted = { update(place: CellPlace): void; destroy(): void };

/** The cells of one open document: mounts their controls, runs them, shows their newest runs. */
export class Cells {
  readonly #fileId: string;
  readonly #saved: () => Promise<void>;
  #cells: Cell[] = $state.raw([]);
  #tasks: readonly Task[] = [];
  #runs: readonly TaskRun[] = [];

  /** `saved` resolves when the server has everything that was typed. */
  constructor(fileId: string, saved: () => Promise<void>) {
    this.#fileId = fileId;
    this.#saved = saved;
  }

  readonly hasCells = $derived(this.#cells.some((cell) => cell.isRunnable));

  /** For the editor: the reader pressed the run key in the cell at this position. */
  run = (position: number): void => {
    const cell = this.#cells.find((each) => each.place.position === position);
    if (cell) void this.#run(cell);
  };

  /** For the editor: fills the slots of a cell that came into the document. */
  view = (position: number, slots: Slots): Mounted => {
    const cell = new Cell(position);
    const parts = [
      mount(CellControl, {
        target: slots.gutter,
        props: { cell, onRun: () => void this.#run(cell) },
      }),
      mount(CellOutputs, { target: slots.outputs, props: { cell } }),
    ];
    this.#cells = [...this.#cells, cell];
    return {
      update: (place) => {
        cell.place = place;
        this.#match();
      },
      destroy: () => {
        cell.destroy();
        this.#cells = this.#cells.filter((each) => each !== cell);
        for (const part of parts) void unmount(part);
      },
    };
  };

  /** Runs every cell in the document's order; stops at the first that fails. */
  async runAll(): Promise<void> {
    const inOrder = this.#cells
      .filter((cell) => cell.isRunnable)
      .toSorted((a, b) => a.place.position - b.place.position);
    for (const cell of inOrder) {
      await this.#run(cell);
      await cell.ended;
      if (cell.run?.status !== 'succeeded') return;
    }
  }

  /** What the server knows now: tasks by position, and their runs, newest first. */
  know(tasks: readonly Task[], runs: readonly TaskRun[]): void {
    this.#tasks = tasks;
    this.#runs = runs;
    this.#match();
  }

  async #run(cell: Cell): Promise<void> {
    const { language } = cell.place;
    if (!language) return tell(messages.cells.needsLanguage);
    if (!cell.isRunnable) return tell(messages.cells.notRunnable(language));
    await cell.start(async () => taskRuns.start((await this.#taskOf(cell)).id));
  }

  /** The server runs what its newest version says, so the text on the page becomes one first. */
  async #taskOf(cell: Cell): Promise<Task> {
    await this.#saved();
    await files.recordVersion(this.#fileId);
    const fresh = { staleTime: 0 };
    const notebook = await queryClient.fetchQuery({ ...notebooks.ofFile(this.#fileId), ...fresh });
    const tasks =
      notebook && (await queryClient.fetchQuery({ ...notebooks.tasks(notebook.id), ...fresh }));
    const task = tasks?.find((each) => fits(each, cell.place));
    if (!task) throw new CellChanged();
    return task;
  }

  #match(): void {
    for (const cell of this.#cells) {
      const task = this.#tasks.find((each) => fits(each, cell.place));
      const run = task && this.#runs.find((each) => each.task?.id === task.id);
      if (run && !isOlder(run, cell.run)) cell.show(run);
    }
  }
}

function fits(task: Task, place: CellPlace): boolean {
  return task.position === place.position && task.language === place.language;
}

function isOlder(run: TaskRun, shown: TaskRun | null): boolean {
  return shown !== null && run.insertedAt < shown.insertedAt;
}
