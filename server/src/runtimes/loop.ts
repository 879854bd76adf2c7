/**
 * One life of a loop: a process that runs cells of one language and keeps their state. Commands go
 * in and structured results come out over descriptor 3 as JSON lines; what the cell prints are the
 * real stdout and stderr, ended by a marker on each.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { StringDecoder } from 'node:string_decoder';
import type { Child } from '../spawn/child.ts';
import { MarkerSplitter, markerOf } from './marker.ts';
import { interruptTree, treeMemory } from './process-tree.ts';
import {
  type Cell,
  type CellResult,
  type Limits,
  type Output,
  RuntimeUnavailable,
  type StopReason,
} from './runtime.ts';

type Report = { type: 'ready' | 'output' | 'done' } & Partial<Output & CellResult>;
type Stream = 'stdout' | 'stderr';

const WATCH_MS = 100;
/** How long a cell may take to end by itself after an interrupt. */
const GRACE_MS = 1000;
const STOPPED_CODE: Record<StopReason, number> = {
  timeout: 124,
  memory: 137,
  output: 137,
  killed: 130,
};

export class Loop {
  #child: Child;
  #limits: Limits;
  #running: RunningCell | undefined;
  #ready = Promise.withResolvers<void>();
  #complaint = '';
  /** False once the process has ended. */
  alive = true;

  constructor(child: Child, limits: Limits) {
    this.#child = child;
    this.#limits = limits;
    child.stdout.on('data', (chunk: Buffer) => this.#print('stdout', chunk));
    child.stderr.on('data', (chunk: Buffer) => this.#print('stderr', chunk));
    child.stdin.end();
    createInterface({ input: child.control })
      .on('line', (line) => this.#report(line))
      .on('error', () => {});
    const ends = [child.stdout, child.stderr].map(closed);
    void Promise.all([child.exited.catch((error) => error), ...ends]).then(([exit]) =>
      this.#end(exit),
    );
  }

  /** Resolves when cells can be run. Errors: RuntimeUnavailable. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  run(cell: Cell, emit: (output: Output) => void): Promise<CellResult> {
    const nonce = randomBytes(16).toString('hex');
    const running = new RunningCell(nonce, this.#limits.outputBytes, emit, (reason) =>
      this.stop(reason),
    );
    this.#running = running;
    const timeout = setTimeout(() => this.stop('timeout'), cell.timeoutMs);
    const watch = setInterval(() => this.#watchMemory(), WATCH_MS);
    this.#child.control.write(`${nonce} ${base64(cell.source)} ${base64(setupOf(cell))}\n`);
    return running.result.finally(() => {
      clearTimeout(timeout);
      clearInterval(watch);
      this.#running = undefined;
    });
  }

  /** Ends the running cell: politely where its state may live on, else at once. */
  stop(reason: StopReason): void {
    const running = this.#running;
    if (!running?.blame(reason)) return;
    const polite = reason === 'timeout' || reason === 'killed';
    if (polite && this.#child.pid !== undefined) interruptTree(this.#child.pid);
    const kill = setTimeout(() => this.kill(), polite ? GRACE_MS : 0);
    void running.result.finally(() => clearTimeout(kill));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.kill();
    await this.#child.exited.catch(() => {});
  }

  #print(stream: Stream, chunk: Buffer): void {
    if (this.#running) this.#running.print(stream, chunk);
    // What a cell's leftovers print between two cells belongs to nobody; before the first it is why
    // the sandbox does not start.
    else if (this.#complaint.length < 2000) this.#complaint += chunk.toString();
  }

  #report(line: string): void {
    const report = parseReport(line);
    if (!report) this.kill();
    else if (report.type === 'ready') this.#ready.resolve();
    else this.#running?.report(report);
  }

  #watchMemory(): void {
    const { pid } = this.#child;
    if (pid !== undefined && treeMemory(pid) > this.#limits.memoryBytes) this.stop('memory');
  }

  #end(exit: { code: number | null } | Error): void {
    this.alive = false;
    const message = `The sandbox did not start: ${this.#complaint.trim() || String(exit)}`;
    this.#ready.reject(new RuntimeUnavailable(message, exit));
    this.#ready.promise.catch(() => {});
    this.#running?.end(exit instanceof Error ? null : exit.code);
  }
}

/** The state of the cell that runs: which of its three ends have come, and what is still held. */
class RunningCell {
  readonly result: Promise<CellResult>;
  #settle = Promise.withResolvers<CellResult>();
  #emit: (output: Output) => void;
  #overflow: (reason: StopReason) => void;
  #left: number;
  #streams: Record<Stream, { splitter: MarkerSplitter; decoder: StringDecoder; ended: boolean }>;
  #held: Output[] = [];
  #done: CellResult | undefined;
  #reason: StopReason | undefined;

  constructor(
    nonce: string,
    outputBytes: number,
    emit: (output: Output) => void,
    overflow: (reason: StopReason) => void,
  ) {
    this.#emit = emit;
    this.#overflow = overflow;
    this.#left = outputBytes;
    this.result = this.#settle.promise;
    const stream = () => ({
      splitter: new MarkerSplitter(markerOf(nonce)),
      decoder: new StringDecoder('utf8'),
      ended: false,
    });
    this.#streams = { stdout: stream(), stderr: stream() };
  }

  /** Keeps the first reason; false when there is one already. */
  blame(reason: StopReason): boolean {
    if (this.#reason) return false;
    this.#reason = reason;
    return true;
  }

  print(name: Stream, chunk: Buffer): void {
    const stream = this.#streams[name];
    if (stream.ended) return;
    const { output, ended } = stream.splitter.push(chunk);
    stream.ended = ended;
    this.#send({ stream: name, mimeType: 'text/plain', data: stream.decoder.write(output) });
    this.#finishWhenWhole();
  }

  report({ type, stream, mimeType, data, exitCode, reason }: Report): void {
    if (type === 'done') this.#done = { exitCode: exitCode ?? 1, reason };
    else if (stream && mimeType !== undefined && data !== undefined) {
      const output = { stream, mimeType, data };
      // A result stands behind everything that was printed before it.
      if (stream === 'display') this.#send(output);
      else this.#held.push(output);
    }
    this.#finishWhenWhole();
  }

  /** The loop has ended and so has the cell. */
  end(code: number | null): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const { splitter, decoder, ended } = this.#streams[name];
      const data = ended ? '' : decoder.write(splitter.rest()) + decoder.end();
      this.#send({ stream: name, mimeType: 'text/plain', data });
    }
    this.#finish({ exitCode: code ?? 137, reason: reasonOf(code) });
  }

  #finishWhenWhole(): void {
    const { stdout, stderr } = this.#streams;
    if (this.#done && stdout.ended && stderr.ended) this.#finish(this.#done);
  }

  #finish({ exitCode, reason }: CellResult): void {
    for (const output of this.#held.splice(0)) this.#send(output);
    if (this.#reason)
      this.#settle.resolve({ exitCode: STOPPED_CODE[this.#reason], reason: this.#reason });
    else this.#settle.resolve(reason ? { exitCode, reason } : { exitCode });
  }

  #send(output: Output): void {
    if (output.data === '' || this.#left <= 0) return;
    const size = Buffer.byteLength(output.data);
    const data = size > this.#left ? output.data.slice(0, this.#left) : output.data;
    this.#left -= size;
    this.#emit({ ...output, data });
    if (this.#left <= 0) this.#overflow('output');
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

/** The cell can write here too, so nothing is taken on trust. */
function parseReport(line: string): Report | undefined {
  try {
    const report = JSON.parse(line) as Record<string, unknown>;
    const { type, stream, mimeType, data, exitCode, reason } = report;
    if (type === 'ready') return { type };
    if (type === 'done' && Number.isInteger(exitCode)) {
      const memory = reason === 'memory' ? reason : undefined;
      return { type, exitCode: (exitCode as number) & 255, reason: memory };
    }
    const known = stream === 'result' || stream === 'display' || stream === 'error';
    if (type !== 'output' || !known) return undefined;
    if (typeof mimeType !== 'string' || typeof data !== 'string') return undefined;
    return { type, stream, mimeType, data };
  } catch {
    return undefined;
  }
}

function closed(stream: Child['stdout']): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}
