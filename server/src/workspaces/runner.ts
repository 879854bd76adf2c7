import { type Actor, invalid, KyozoError, notFound, personOf, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { CellLimits } from '../config.ts';
import type { Database } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement, type Signer } from '../database/write.ts';
import type { Signals } from '../events/signals.ts';
import type { Log } from '../log.ts';
import type { CellResult, Language, Runtime } from '../runtimes/runtime.ts';
import type { Scratch } from '../runtimes/scratch.ts';
import { Watch } from '../runtimes/watch.ts';
import { languageOf } from './cell-language.ts';
import type { FileStore } from './file-store.ts';
import { type Kernel, Kernels } from './kernels.ts';
import { OutputLog } from './output-log.ts';
import { checkRuns, type Owner, timeLimits } from './run-limits.ts';
import { type Asked, type Ending, endingsOf, mustBeOpen } from './run-rules.ts';
import { taskRun } from './task-run.ts';
import { makeWorkingCopy } from './working-copy.ts';

type Parts = {
  database: Database;
  files: FileStore;
  signals: Signals;
  /** Undefined where no sandbox works: then every run is refused. */
  runtime: Runtime | undefined;
  /** Where working copies are made. */
  scratch: Scratch;
  limits: CellLimits;
  log: Log;
  changed: (teamId: string) => void;
};
type Cell = { language: Language; source: string };
export type RunRequest = {
  notebookId: string;
  taskId: string | null;
  language: string;
  source: string;
  cells: readonly { language: string; source: string }[];
  /** Seconds. */
  timeout?: number;
};
/** A run that waits or runs on this node. */
type Active = Owner & {
  id: string;
  actor: Actor;
  notebookId: string;
  cells: readonly Cell[];
  times: { run: number; cell: number };
  outputs: OutputLog;
  stop: AbortController;
  /** Its last change that was begun: each waits for the one before. */
  written: Promise<unknown>;
  /** True once its end is decided; whoever decides it writes it. */
  settled: boolean;
  /** Resolves when nothing of it runs any more. */
  done: Promise<void>;
};
type End = { status: 'succeeded' | 'failed' | 'cancelled'; reason: string | null };

/** The most bytes of one cell's source. */
const mostSource = 2 ** 20;
/** How often the rules are asked again for what waits and runs, in milliseconds. */
const ruleWatch = 1_000;

/**
 * Runs cells: one session a notebook, its cells one after the other, in a copy of the workspace's
 * files. Every step is a change of the run's row, so all viewers and the event log agree.
 */
export class Runner {
  readonly #parts: Parts;
  readonly #kernels: Kernels | undefined;
  readonly #active = new Map<string, Active>();
  readonly #watch: Watch;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { runtime, limits } = parts;
    const copy = (teamId: string, notebookId: string) => makeWorkingCopy(parts, teamId, notebookId);
    this.#kernels = runtime && new Kernels({ runtime, limits, copy });
    this.#watch = new Watch(
      () => this.#applyRules(),
      () => ruleWatch,
    );
  }

  /**
   * Records a run and starts it when its turn comes.
   * @throws KyozoError for a language that nothing here runs, above a limit, and for a file that is not open to runs
   */
  async queue(actor: Actor, request: RunRequest): Promise<Row> {
    const { runtime, database, limits } = this.#parts;
    if (!runtime || !this.#kernels)
      throw new KyozoError('unavailable', 'No sandbox is available here, so nothing can run.');
    const { notebookId } = request;
    const { teamId } = actor;
    const cells = request.cells.map((cell) => checkedCell(cell, runtime));
    const times = timeLimits(request.timeout, limits);
    await mustBeOpen(database, teamId, { notebookId, person: personOf(actor) });
    const owner = { person: actor.userId, teamId };
    checkRuns(owner, [...this.#active.values()], limits);
    const kernel = this.#kernels.take(owner, notebookId);
    const id = uuidv7();
    const values = {
      ...{ teamId, notebookId, taskId: request.taskId, userId: personOf(actor) ?? null },
      ...{ status: 'queued', language: request.language, source: request.source },
      runtime: runtime.name,
    };
    const recorded = this.#change(actor, id, 'insert', values, 'queue');
    const run: Active = {
      ...{ id, actor, ...owner, notebookId, cells, times, settled: false },
      outputs: new OutputLog(database, { teamId }, id, () => this.#parts.signals.wake(id)),
      stop: new AbortController(),
      written: recorded.catch(() => undefined),
      done: Promise.resolve(),
    };
    this.#active.set(id, run);
    run.done = this.#kernels
      .add(kernel, () => recorded.then(() => this.#run(kernel, run)).catch(() => undefined))
      .finally(() => this.#active.delete(id));
    return recorded;
  }

  /** Cancels a run; answers nothing when it has ended already. */
  async cancel(actor: Actor, id: string): Promise<Row | undefined> {
    const run = this.#active.get(id);
    if (run) return this.#end(run, { status: 'cancelled', reason: 'cancelled' }, actor);
    return this.#endLost(actor, id);
  }

  /** Ends all runs and sessions. */
  async stop(): Promise<void> {
    this.#watch.stop();
    const runs = [...this.#active.values()];
    await Promise.all(runs.map((run) => this.#end(run, { status: 'failed', reason: 'shutdown' })));
    await this.close((this.#kernels?.all ?? []).map((kernel) => kernel.notebookId));
  }

  /** Ends the sessions of notebooks, and their runs for the reason given; resolves when all of it is gone. */
  async close(notebookIds: readonly string[], reason: Ending = 'trashed'): Promise<void> {
    const runs = [...this.#active.values()].filter((run) => notebookIds.includes(run.notebookId));
    await Promise.all(runs.map((run) => this.#end(run, { status: 'cancelled', reason })));
    await Promise.all(notebookIds.map((id) => this.#kernels?.end(id)));
    await Promise.all(runs.map((run) => run.done));
  }

  async #run(kernel: Kernel, run: Active): Promise<void> {
    const { actor, id, outputs } = run;
    try {
      const [ending] = await endingsOf(this.#parts.database, run.teamId, [askOf(run)]);
      if (ending) return void (await this.#end(run, { status: 'cancelled', reason: ending }));
      if (run.settled) return;
      const begun = { status: 'running', startedAt: new Date().toISOString() };
      run.written = this.#change(actor, id, 'update', begun, 'start');
      await run.written;
      const { exitCode, reason = null } = await this.#cells(kernel, run);
      const status = exitCode === 0 ? 'succeeded' : 'failed';
      await this.#end(run, { status, reason }, actor, exitCode);
    } catch (error) {
      if (isGone(error)) return;
      this.#parts.log.error({ err: error, runId: id }, 'a run could not be carried out');
      const data = 'The sandbox could not run this; try again.';
      outputs.append({ stream: 'error', mimeType: 'text/plain', data });
      const failed = { status: 'failed', reason: 'unavailable' } as const;
      await this.#end(run, failed).catch(() => undefined);
    } finally {
      this.#parts.signals.wake(id);
    }
  }

  async #cells(kernel: Kernel, run: Active): Promise<CellResult> {
    const { signal } = run.stop;
    const session = await this.#kernels!.session(kernel);
    const until = performance.now() + run.times.run;
    for (const cell of run.cells) {
      const left = Math.max(1, until - performance.now());
      const timeoutMs = Math.min(run.times.cell, left);
      const result = await session.run({ ...cell, timeoutMs }, run.outputs.append, signal);
      // What one cell may say is bounded; here it is stored before the next one speaks.
      await run.outputs.flush();
      if (result.exitCode !== 0 || signal.aborted) return result;
    }
    return { exitCode: 0 };
  }

  /** Stops a run and writes its end, once; undefined, after that, when it has ended already. */
  async #end(
    run: Active,
    { status, reason }: End,
    signer: Signer = run.actor,
    exitCode?: number,
  ): Promise<Row | undefined> {
    if (run.settled) return void (await run.written);
    run.settled = true;
    run.stop.abort();
    const before = run.written;
    const write = async () => {
      await before;
      await run.outputs.flush().catch(() => undefined);
      const ended = { status, reason, finishedAt: new Date().toISOString() };
      const values = exitCode === undefined ? ended : { ...ended, exitCode };
      const row = await this.#change(signer, run.id, 'update', values, 'finish');
      this.#parts.signals.wake(run.id);
      return row;
    };
    const row = write().catch((error) => {
      if (!isGone(error)) throw error;
      return undefined;
    });
    run.written = row.catch(() => undefined);
    return row;
  }

  /** Ends a run that this node does not carry out. */
  async #endLost(actor: Actor, id: string): Promise<Row | undefined> {
    const [row] = await this.#parts.database.rows<{ status: string }>(
      actor,
      sql`select status from task_runs where id = ${id}`,
    );
    if (row?.status !== 'queued' && row?.status !== 'running') return undefined;
    const finishedAt = new Date().toISOString();
    const values = { status: 'cancelled', reason: 'cancelled', finishedAt };
    return this.#change(actor, id, 'update', values, 'finish');
  }

  /** Ends what the rules allow no more: runs, and sessions that wait for their next. */
  async #applyRules(): Promise<void> {
    const asked = [
      ...[...this.#active.values()].map(askOf),
      ...(this.#kernels?.all ?? []).map(({ teamId, notebookId }) => ({ teamId, notebookId })),
    ];
    for (const [teamId, ones] of Map.groupBy(asked, (one) => one.teamId)) {
      try {
        const endings = await endingsOf(this.#parts.database, teamId, ones);
        await Promise.all(ones.map((one, at) => endings[at] && this.#apply(one, endings[at])));
      } catch (error) {
        this.#parts.log.error({ err: error }, 'the rules for runs could not be asked');
      }
    }
  }

  async #apply({ run, notebookId }: Question, reason: Ending): Promise<void> {
    if (run) await this.#end(run, { status: 'cancelled', reason });
    else await this.close([notebookId], reason);
  }

  async #change(
    actor: Signer,
    id: string,
    kind: 'insert' | 'update',
    values: Values,
    action: keyof typeof taskRun.events,
  ): Promise<Row> {
    const change = { kind, resource: taskRun, id, values, event: taskRun.events[action] };
    const [row] = await this.#parts.database.text(
      { teamId: actor.teamId },
      changeStatement(actor, change),
    );
    if (!row) throw notFound();
    this.#parts.changed(actor.teamId);
    return rowOf({ resource: taskRun, sort: [] }, row);
  }
}

type Question = Asked & { teamId: string; run?: Active };

const askOf = (run: Active): Question => {
  const { teamId, notebookId, actor } = run;
  return { teamId, notebookId, person: personOf(actor), run };
};

/** Whether a run could not be written down because it has gone with its team. */
const isGone = (error: unknown) => error instanceof KyozoError && error.code === 'not_found';

function checkedCell(cell: { language: string; source: string }, runtime: Runtime): Cell {
  if (Buffer.byteLength(cell.source) > mostSource)
    throw invalid(`A cell may be at most ${mostSource} bytes long.`);
  return { language: languageOf(cell.language, runtime), source: cell.source };
}
