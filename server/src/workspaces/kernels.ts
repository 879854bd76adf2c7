import type { CellLimits } from '../config.ts';
import type { Runtime, Session } from '../runtimes/runtime.ts';
import { makeRoom, type Owner } from './run-limits.ts';
import type { WorkingCopy } from './working-copy.ts';

/** A notebook with a session, or with runs that wait for one; `person` is whoever ran it first. */
export type Kernel = Owner & {
  notebookId: string;
  queue: Promise<unknown>;
  waiting: number;
  usedAt: number;
  idle?: NodeJS.Timeout;
  open?: Open;
};
type Open = { copy: Promise<WorkingCopy>; session: Promise<Session> };

type Parts = {
  runtime: Runtime;
  limits: CellLimits;
  /** Makes the files that the cells of a notebook see. */
  copy(teamId: string, notebookId: string): Promise<WorkingCopy>;
};

/** The sessions of notebooks on this node: opened with the first run, ended when nobody uses them. */
export class Kernels {
  readonly #parts: Parts;
  readonly #kernels = new Map<string, Kernel>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get all(): Kernel[] {
    return [...this.#kernels.values()];
  }

  /** Makes room for a notebook's session. @throws KyozoError `too_many` */
  take(owner: Owner, notebookId: string): Kernel {
    const existing = this.#kernels.get(notebookId);
    if (existing) return existing;
    const sessions = this.all.map((kernel) => ({ ...kernel, busy: kernel.waiting > 0 }));
    for (const unused of makeRoom(owner, sessions, this.#parts.limits)) void this.end(unused);
    const state = { queue: Promise.resolve(), waiting: 0, usedAt: Date.now() };
    const kernel: Kernel = { ...owner, notebookId, ...state };
    this.#kernels.set(notebookId, kernel);
    return kernel;
  }

  /** Puts work behind what the notebook has to do already. */
  add(kernel: Kernel, work: () => Promise<void>): Promise<void> {
    clearTimeout(kernel.idle);
    kernel.waiting += 1;
    const done = kernel.queue.then(work).finally(() => {
      kernel.waiting -= 1;
      kernel.usedAt = Date.now();
      if (kernel.waiting === 0) this.#rest(kernel);
    });
    kernel.queue = done.catch(() => undefined);
    return done;
  }

  /** The session, opened when there is none. Rejects when it cannot start; the next call tries anew. */
  session(kernel: Kernel): Promise<Session> {
    if (kernel.open) return kernel.open.session;
    const { runtime, copy } = this.#parts;
    const files = copy(kernel.teamId, kernel.notebookId);
    const session = files.then(({ directory, around }) => runtime.start({ directory, around }));
    const open = { copy: files, session };
    kernel.open = open;
    const over = () => void (kernel.open === open && this.#close(kernel));
    session.then((started) => started.ended.then(over), over);
    return session;
  }

  /** Ends a notebook's session; resolves when its processes and files are gone. */
  async end(notebookId: string): Promise<void> {
    const kernel = this.#kernels.get(notebookId);
    if (!kernel) return;
    clearTimeout(kernel.idle);
    if (kernel.waiting === 0) this.#kernels.delete(notebookId);
    await this.#close(kernel);
  }

  #rest(kernel: Kernel): void {
    const end = () => void this.end(kernel.notebookId);
    if (kernel.open) kernel.idle = setTimeout(end, this.#parts.limits.idle * 1_000).unref();
    else this.#kernels.delete(kernel.notebookId);
  }

  async #close(kernel: Kernel): Promise<void> {
    const { open } = kernel;
    kernel.open = undefined;
    await open?.session.then((session) => session.close()).catch(() => undefined);
    await open?.copy.then((copy) => copy.remove()).catch(() => undefined);
  }
}
