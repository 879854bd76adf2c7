import { StringDecoder } from 'node:string_decoder';
import { MarkerSplitter, markerOf } from './marker.ts';
import type { Report } from './report.ts';
import type { CellResult, Output, StopReason } from './runtime.ts';

export type Stream = 'stdout' | 'stderr';

/** What one kept output costs beside its text: a row with its ids and its place in the indexes. */
const OUTPUT_COST = 256;
const STOPPED_CODE: Record<StopReason, number> = {
  timeout: 124,
  memory: 137,
  output: 137,
  disk: 137,
  killed: 130,
};

/** The state of the cell that runs: which of its three ends have come, what is held, what it may still say. */
export class RunningCell {
  readonly result: Promise<CellResult>;
  /** True once the result is known. */
  over = false;
  #settle = Promise.withResolvers<CellResult>();
  #emit: (output: Output) => void;
  #overflow: () => void;
  #left: number;
  #last: Output['stream'] | undefined;
  #streams: Record<Stream, { splitter: MarkerSplitter; decoder: StringDecoder; ended: boolean }>;
  #held: Output[] = [];
  #done: CellResult | undefined;
  #reason: StopReason | undefined;

  /** `overflow` is called when the cell has said more than `outputBytes`. */
  constructor(
    nonce: string,
    outputBytes: number,
    emit: (output: Output) => void,
    overflow: () => void,
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

  /** A cell that was told to stop says how it was interrupted, which tells nobody anything. */
  get #muted(): boolean {
    return this.#reason === 'timeout' || this.#reason === 'killed';
  }

  print(name: Stream, chunk: Buffer): void {
    const stream = this.#streams[name];
    // A cell that writes its own marker would else print for nothing.
    if (stream.ended) {
      this.#charge(chunk.length);
      return;
    }
    const { output, ended } = stream.splitter.push(chunk);
    stream.ended = ended;
    this.#print(name, stream.decoder.write(output));
    this.#finishWhenWhole();
  }

  /** Takes a report that was `size` bytes long. */
  report(report: Report, size: number): void {
    if (report.type === 'output') this.#take(report.output, size);
    else this.#charge(OUTPUT_COST);
    if (report.type === 'done') this.#done = report.result;
    this.#finishWhenWhole();
  }

  /** The loop has ended and so has the cell; `reason` is why, when nobody stopped it. */
  end(code: number | null, reason: StopReason | undefined): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const { splitter, decoder, ended } = this.#streams[name];
      const data = ended ? '' : decoder.write(splitter.rest()) + decoder.end();
      this.#print(name, data);
    }
    this.#finish({ exitCode: code ?? 137, reason });
  }

  /** A result is kept back: it stands behind everything that was printed before it. */
  #take(output: Output, size: number): void {
    const fits = size <= this.#left && !this.#muted;
    if (fits && output.stream === 'display') this.#emit(output);
    else if (fits) this.#held.push(output);
    this.#last = output.stream;
    this.#charge(size + OUTPUT_COST);
  }

  #finishWhenWhole(): void {
    const { stdout, stderr } = this.#streams;
    if (this.#done && stdout.ended && stderr.ended) this.#finish(this.#done);
  }

  #finish({ exitCode, reason }: CellResult): void {
    if (this.over) return;
    this.over = true;
    if (!this.#reason) for (const output of this.#held.splice(0)) this.#emit(output);
    if (this.#reason)
      this.#settle.resolve({ exitCode: STOPPED_CODE[this.#reason], reason: this.#reason });
    else this.#settle.resolve(reason ? { exitCode, reason } : { exitCode });
  }

  #print(stream: Stream, data: string): void {
    if (data === '' || this.#left <= 0 || this.#muted) return;
    const size = Buffer.byteLength(data);
    const fitting = size > this.#left ? data.slice(0, this.#left) : data;
    this.#emit({ stream, mimeType: 'text/plain', data: fitting });
    // What one stream prints in a row becomes few rows.
    const joins = this.#last === stream || this.#last === undefined;
    this.#last = stream;
    this.#charge(joins ? size : size + OUTPUT_COST);
  }

  #charge(bytes: number): void {
    if (this.#left <= 0) return;
    this.#left -= bytes;
    if (this.#left <= 0) this.#overflow();
  }
}
