import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Actor, invalid, KyozoError, notFound, personOf, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement, type Signer } from '../database/write.ts';
import type { Signals } from '../events/signals.ts';
import type { Log } from '../log.ts';
import type { CellResult, Language, Runtime, Session } from '../runtimes/runtime.ts';
import type { FileRow } from './content-store.ts';
import type { FileStore } from './file-store.ts';
import { OutputLog } from './output-log.ts';
import { taskRun } from './task-run.ts';

type Parts = {
  database: Database;
  files: FileStore;
  signals: Signals;
  /** Undefined where no sandbox works: then every run is refused. */
  runtime: Runtime | undefined;
  /** Where working copies are made. */
  folder: string;
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
type Kernel = {
  session: Promise<Session>;
  directory: Promise<string>;
  queue: Promise<unknown>;
  running?: string;
  idle?: NodeJS.Timeout;
};

const aliases: Record<string, Language> = {
  ...{ bash: 'bash', sh: 'bash', shell: 'bash', zsh: 'bash' },
  ...{ python: 'python', py: 'python', python3: 'python' },
  ...{ javascript: 'javascript', js: 'javascript', node: 'javascript', mjs: 'javascript' },
  ...{ typescript: 'typescript', ts: 'typescript' },
};

const defaultTimeout = 300;
/** A notebook's processes are kept this long after its last cell, in milliseconds. */
const idleTime = 10 * 60_000;
/** The most that is copied from a workspace for its cells to see, in bytes. */
const copyLimit = 200 * 2 ** 20;

/**
 * Runs cells: one session a notebook, its cells one after the other, in a copy of the workspace's
 * files. Every step is a change of the run's row, so all viewers and the event log agree.
 */
export class Runner {
  readonly #parts: Parts;
  readonly #kernels = new Map<string, Kernel>();
  readonly #cancelled = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Records a run and starts it when its turn comes. @throws KyozoError for a language that nothing here runs */
  async queue(actor: Actor, request: RunRequest): Promise<Row> {
    const { runtime } = this.#parts;
    if (!runtime)
      throw new KyozoError('unavailable', 'No sandbox is available here, so nothing can run.');
    const cells = request.cells.map(({ language, source }) => ({
      language: languageOf(language, runtime),
      source,
    }));
    const id = uuidv7();
    const values = {
      teamId: actor.teamId,
      notebookId: request.notebookId,
      taskId: request.taskId,
      userId: personOf(actor) ?? null,
      status: 'queued',
      language: request.language,
      source: request.source,
      runtime: runtime.name,
    };
    const row = await this.#change(actor, id, 'insert', values, 'queue');
    const kernel = this.#kernel(actor, request.notebookId);
    const timeoutMs = (request.timeout ?? defaultTimeout) * 1_000;
    kernel.queue = kernel.queue.then(() => this.#run(actor, kernel, id, cells, timeoutMs));
    return row;
  }

  /** Cancels a run that has not finished. @throws KyozoError `conflict` for one that has */
  async cancel(actor: Actor, id: string): Promise<Row> {
    const [row] = await this.#parts.database.rows<{ status: string; notebook_id: string }>(
      actor,
      sql`select status, notebook_id from task_runs where id = ${id}`,
    );
    if (!row || !['queued', 'running'].includes(row.status))
      throw new KyozoError('conflict', 'The run has ended already.');
    this.#cancelled.add(id);
    const kernel = this.#kernels.get(row.notebook_id);
    if (kernel?.running === id) (await kernel.session).interrupt();
    const values = {
      status: 'cancelled',
      reason: 'cancelled',
      finishedAt: new Date().toISOString(),
    };
    return this.#change(actor, id, 'update', values, 'finish');
  }

  /** Ends all sessions. */
  async stop(): Promise<void> {
    await this.close([...this.#kernels.keys()]);
  }

  /** Ends the sessions of notebooks that are no more. */
  async close(notebookIds: readonly string[]): Promise<void> {
    await Promise.all(notebookIds.map((id) => this.#end(id)));
  }

  #kernel(actor: Actor, notebookId: string): Kernel {
    const existing = this.#kernels.get(notebookId);
    clearTimeout(existing?.idle);
    if (existing) return existing;
    const directory = this.#copy(actor, notebookId);
    const session = directory.then((path) => this.#parts.runtime!.start({ directory: path }));
    // A session that cannot start fails its run, which says why; the next run tries anew.
    session.catch(() => this.#kernels.delete(notebookId));
    const kernel: Kernel = { session, directory, queue: Promise.resolve() };
    this.#kernels.set(notebookId, kernel);
    return kernel;
  }

  async #run(
    actor: Actor,
    kernel: Kernel,
    id: string,
    cells: readonly Cell[],
    timeoutMs: number,
  ): Promise<void> {
    const outputs = new OutputLog(this.#parts.database, { teamId: actor.teamId }, id, () =>
      this.#parts.signals.wake(id),
    );
    try {
      if (this.#cancelled.has(id)) return;
      kernel.running = id;
      await this.#change(
        actor,
        id,
        'update',
        { status: 'running', startedAt: new Date().toISOString() },
        'start',
      );
      const result = await this.#cells(await kernel.session, cells, timeoutMs, outputs, id);
      await outputs.flush();
      if (this.#cancelled.has(id)) return;
      const status = result.exitCode === 0 ? 'succeeded' : 'failed';
      const finished = {
        status,
        exitCode: result.exitCode,
        reason: result.reason ?? null,
        finishedAt: new Date().toISOString(),
      };
      await this.#change(actor, id, 'update', finished, 'finish');
    } catch (error) {
      if (isGone(error)) return;
      this.#parts.log.error({ err: error, runId: id }, 'a run could not be carried out');
      outputs.append({
        stream: 'error',
        mimeType: 'text/plain',
        data: 'The sandbox could not run this; try again.',
      });
      await outputs.flush().catch(() => undefined);
      const failed = {
        status: 'failed',
        reason: 'unavailable',
        finishedAt: new Date().toISOString(),
      };
      await this.#change(actor, id, 'update', failed, 'finish').catch(() => undefined);
    } finally {
      kernel.running = undefined;
      this.#cancelled.delete(id);
      this.#parts.signals.wake(id);
      this.#rest(kernel);
    }
  }

  async #cells(
    session: Session,
    cells: readonly Cell[],
    timeoutMs: number,
    outputs: OutputLog,
    id: string,
  ): Promise<CellResult> {
    for (const cell of cells) {
      const result = await session.run({ ...cell, timeoutMs }, outputs.append);
      if (result.exitCode !== 0 || this.#cancelled.has(id)) return result;
    }
    return { exitCode: 0 };
  }

  #rest(kernel: Kernel): void {
    const entry = [...this.#kernels].find(([, it]) => it === kernel);
    clearTimeout(kernel.idle);
    if (entry) kernel.idle = setTimeout(() => void this.#end(entry[0]), idleTime).unref();
  }

  async #end(notebookId: string): Promise<void> {
    const kernel = this.#kernels.get(notebookId);
    if (!kernel) return;
    this.#kernels.delete(notebookId);
    clearTimeout(kernel.idle);
    await kernel.session.then((session) => session.close()).catch(() => undefined);
    await kernel.directory
      .then((path) => rm(path, { recursive: true, force: true }))
      .catch(() => undefined);
  }

  /** A copy of the workspace's files for the sandbox; cells never touch the originals. */
  async #copy(actor: Actor, notebookId: string): Promise<string> {
    const { database, files, folder } = this.#parts;
    const directory = await mkdtemp(join(folder, 'run-'));
    const rows = await database.rows<FileRow>(
      { teamId: actor.teamId },
      sql`select f.* from files f where f.deleted_at is null and f.size <= ${copyLimit} and f.workspace_id =
        (select o.workspace_id from notebooks n join files o on o.id = n.file_id where n.id = ${notebookId}) order by f.size`,
    );
    let copied = 0;
    for (const row of rows) {
      copied += row.size;
      if (copied > copyLimit) break;
      const path = join(directory, row.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await files.bytes({ teamId: actor.teamId }, row));
    }
    return directory;
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

/** Whether a run could not be written down because it has gone with its team. */
const isGone = (error: unknown) => error instanceof KyozoError && error.code === 'not_found';

function languageOf(name: string, runtime: Runtime): Language {
  const language = aliases[name.toLowerCase()];
  if (language && runtime.languages.includes(language)) return language;
  throw invalid(`Nothing here runs ${JSON.stringify(name.slice(0, 40))}.`);
}

/** Whether a fence's language is one that cells run in. */
export const isRunnable = (language: string): boolean => language.toLowerCase() in aliases;
