/**
 * One life of a loop: a process that runs cells of one language and keeps their state. Commands go
 * in and structured results come out over descriptor 3 as JSON lines; what the cell prints are the
 * real stdout and stderr, ended by a marker on each.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../spawn/child.ts';
import { BoundedLines } from './bounded-lines.ts';
import { parseReport } from './report.ts';
import { RunningCell, type Stream } from './running-cell.ts';
import {
  type Cell,
  type CellResult,
  type Limits,
  type Output,
  RuntimeUnavailable,
  type StopReason,
} from './runtime.ts';
import { SandboxProcesses } from './sandbox-processes.ts';
import { memoryOf } from './usage.ts';
import { Watch } from './watch.ts';

/** How often the memory is looked at, in milliseconds: while a cell runs, and between two. */
const WATCH_MS = { busy: 100, idle: 1000 };
/** How long a cell may take to end after it was interrupted, and how often it is told. */
const GRACE_MS = 1000;
const AGAIN_MS = 25;
/** The signal that interrupts a cell, of those that programs leave alone: a cell may trap SIGINT. */
const INTERRUPT = 40;
/** How long a loop may take to start. */
const START_MS = 30_000;
/** A report may be a little longer than the output that it carries. */
const REPORT_EXTRA = 64 * 1024;
const KILLED: CellResult = { exitCode: 137, reason: 'killed' };

/**
 * A loop's process. `interruptible`: it leaves a cell on the signal INTERRUPT and keeps its state.
 * `namespace`: it runs in a process namespace of its own.
 */
export type Launched = { child: Child; interruptible: boolean; namespace: boolean };

export class Loop {
  #child: Child;
  #interruptible: boolean;
  #namespace: boolean;
  #over = false;
  #limits: Limits;
  #processes: SandboxProcesses | undefined;
  #watch: Watch | undefined;
  #starting: NodeJS.Timeout;
  #running: RunningCell | undefined;
  #interrupting: Promise<void> | undefined;
  #ready = Promise.withResolvers<void>();
  #ended = Promise.withResolvers<void>();
  #complaint = '';
  /** What leftovers may say between two cells, in bytes. */
  #spare: number;
  /** False once the process has ended or was killed. */
  alive = true;

  constructor({ child, interruptible, namespace }: Launched, limits: Limits) {
    this.#child = child;
    this.#namespace = namespace;
    this.#interruptible = interruptible;
    this.#limits = limits;
    this.#spare = limits.outputBytes;
    child.stdout.on('data', (chunk: Buffer) => this.#print('stdout', chunk));
    child.stderr.on('data', (chunk: Buffer) => this.#print('stderr', chunk));
    child.stdin.end();
    this.#starting = setTimeout(() => this.kill(), START_MS);
    const lines = new BoundedLines(limits.outputBytes + REPORT_EXTRA);
    child.control.on('data', (chunk: Buffer) => {
      if (this.alive && !lines.push(chunk, (line) => this.#report(line))) this.#flood();
    });
    const ends = [child.stdout, child.stderr].map(closed);
    void Promise.all([child.exited.catch((error) => error), ...ends]).then(([exit]) =>
      this.#end(exit),
    );
  }

  /** Resolves when cells can be run. Errors: RuntimeUnavailable, also when `signal` ended the start. */
  async ready(signal?: AbortSignal): Promise<void> {
    const cancel = () => this.kill();
    signal?.addEventListener('abort', cancel, { once: true });
    await this.#ready.promise.finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** The processes in the sandbox, as this side numbers them. */
  get pids(): number[] {
    return this.alive ? (this.#processes?.pids() ?? []) : [];
  }

  /** Runs a cell; see Session. Throws the reason of a signal that has fired already. */
  async run(cell: Cell, emit: (output: Output) => void, signal?: AbortSignal): Promise<CellResult> {
    signal?.throwIfAborted();
    if (!this.alive) return KILLED;
    const nonce = randomBytes(16).toString('hex');
    const flood = () => this.#flood();
    const running = new RunningCell(nonce, this.#limits.outputBytes, emit, flood);
    const cancel = () => this.stop('killed');
    this.#processes!.begin();
    this.#running = running;
    const timeout = setTimeout(() => this.stop('timeout'), cell.timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    this.#child.control.write(`${nonce} ${base64(cell.source)} ${base64(setupOf(cell))}\n`);
    let result = await running.result;
    if (this.alive && !this.#interrupting) {
      // A short cell takes and keeps what it likes between two looks.
      await this.#lookAtMemory();
      if (!this.alive) result = { exitCode: 137, reason: 'memory' };
    }
    if (!this.alive) await this.#ended.promise;
    clearTimeout(timeout);
    signal?.removeEventListener('abort', cancel);
    await this.#interrupting;
    this.#interrupting = undefined;
    this.#running = undefined;
    this.#spare = this.#limits.outputBytes;
    return result;
  }

  /** Ends the running cell: so that the state lives on where the language can, else with the loop. */
  stop(reason: StopReason): void {
    const running = this.#running;
    if (!running?.blame(reason)) return;
    const gently = this.#interruptible && (reason === 'timeout' || reason === 'killed');
    if (gently) this.#interrupting = this.#interrupt(running);
    else this.kill();
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    void this.#killAll();
  }

  /** Kills it and resolves when all its processes are gone. */
  async close(): Promise<void> {
    this.kill();
    await this.#ended.promise;
  }

  /**
   * Tells the loop to leave the cell, then kills what the cell has started, in this order: the next
   * command would run when a child ends before the loop has heard. A loop that does not listen has not
   * begun the cell yet, so it is told again, or the cell keeps it from listening, and it ends with it.
   * Resolves when nothing of the cell is left.
   */
  async #interrupt(running: RunningCell): Promise<void> {
    const processes = this.#processes!;
    for (const until = performance.now() + GRACE_MS; this.alive; await delay(AGAIN_MS)) {
      const left = running.over || processes.interruptLoop(INTERRUPT) ? processes.killStarted() : 1;
      if (running.over && left === 0 && !processes.hasNewThreads()) return;
      if (performance.now() > until) return this.close();
    }
    await this.#ended.promise;
  }

  /**
   * Kills the first process inside, which may have just begun: bubblewrap's leaves its group before it
   * is tied to its parent's end, and when the parent is killed in between, it lives for ever.
   */
  async #killAll(): Promise<void> {
    for (const until = performance.now() + GRACE_MS; !this.#over; await delay(AGAIN_MS)) {
      if (!this.#namespace || performance.now() > until) return this.#child.kill('SIGKILL');
      const { pid } = this.#child;
      const processes = this.#processes ?? (pid === undefined ? pid : new SandboxProcesses(pid));
      processes?.killAll();
    }
  }

  #print(stream: Stream, chunk: Buffer): void {
    if (this.#running) this.#running.print(stream, chunk);
    else this.#leftover(chunk);
  }

  /**
   * What a cell's leftovers say between two cells belongs to nobody, and it has an end. Before the
   * first cell it tells why the sandbox does not start.
   */
  #leftover(chunk: Buffer): void {
    if (this.#complaint.length < 2000) this.#complaint += chunk.toString('utf8', 0, 2000);
    this.#spare -= chunk.length;
    if (this.#spare < 0) this.kill();
  }

  #report(line: Buffer): void {
    if (!this.alive) return;
    const running = this.#running;
    const report = running?.over ? undefined : parseReport(line);
    if (running?.over) return;
    if (!report) this.kill();
    else if (running) running.report(report, line.length);
    else if (report.type === 'ready' && !this.#processes) this.#begin();
    else this.#leftover(line);
  }

  #begin(): void {
    const { pid } = this.#child;
    if (pid === undefined) {
      this.kill();
      return;
    }
    clearTimeout(this.#starting);
    this.#processes = new SandboxProcesses(pid);
    const pause = () => (this.#running ? WATCH_MS.busy : WATCH_MS.idle);
    this.#watch = new Watch(() => this.#lookAtMemory(), pause);
    this.#ready.resolve();
  }

  async #lookAtMemory(): Promise<void> {
    const processes = this.#processes!;
    const taken = await memoryOf(processes.pids(), processes.loop);
    if (taken > this.#limits.memoryBytes && this.alive) this.#tooMuch('memory');
  }

  #flood(): void {
    this.#tooMuch('output');
  }

  /** Leftovers of earlier cells can exceed a limit between two cells, too. */
  #tooMuch(reason: StopReason): void {
    if (this.#running) this.stop(reason);
    this.kill();
  }

  #end(exit: { code: number | null } | Error): void {
    this.alive = false;
    this.#over = true;
    this.#watch?.stop();
    clearTimeout(this.#starting);
    const message = `The sandbox did not start: ${this.#complaint.trim() || String(exit)}`;
    this.#ready.reject(new RuntimeUnavailable(message, exit));
    this.#ready.promise.catch(() => {});
    const code = exit instanceof Error ? null : exit.code;
    this.#running?.end(code, reasonOf(code));
    this.#ended.resolve();
  }
}

/** Why a loop ended that nobody stopped. V8 aborts when its heap is full. */
function reasonOf(code: number | null): StopReason | undefined {
  if (code === 128 + constants.signals.SIGABRT) return 'memory';
  return code === null || code > 128 ? 'killed' : undefined;
}

/** What the loop does before the cell: for a shell in its own words. */
function setupOf({ language, env = {} }: Cell): string {
  if (language !== 'bash') return JSON.stringify({ language, env });
  const names = Object.keys(env).filter((name) => /^[A-Za-z_]\w*$/.test(name));
  return names.map((name) => `export ${name}='${env[name]!.replaceAll("'", "'\\''")}'`).join('\n');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function closed(stream: Child['stdout']): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}
