import { Duplex, Readable, Writable } from 'node:stream';
import { encodeCredit, encodeFrame, type Frame, Kind, WINDOW } from './frames.ts';

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** A process that the helper runs for us. Its streams carry backpressure end to end. */
export interface Child {
  /** Known once the helper has started it. */
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Descriptor 3 of the child, both ways; silent unless asked for with `control: true`. */
  readonly control: Duplex;
  /** How it ended. Rejects with SpawnFailed when it could not start or the helper died. */
  readonly exited: Promise<Exit>;
  /** Signals the child's whole process group. */
  kill(signal?: NodeJS.Signals): void;
}

/** The child could not be started, or its end is unknown because the helper died. */
export class SpawnFailed extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.name = 'SpawnFailed';
    this.code = code;
  }
}

/** The most bytes of one data frame. */
const PART = 64 * 1024;

export type Send = (frame: Buffer) => void;

/** The server's end of one child: turns frames into streams and streams into frames. */
export class RemoteChild implements Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly control: Duplex;
  readonly exited: Promise<Exit>;
  pid: number | undefined;
  /** True once it has ended and all its output is here. */
  over = false;
  #alive = 3;
  #send: Send;
  #id: number;
  #settle: PromiseWithResolvers<Exit>;
  #outgoing = new Map<number, Outgoing>();
  #incoming = new Map<number, Incoming>();

  constructor(id: number, control: boolean, send: Send) {
    if (control) this.#alive += 1;
    this.#id = id;
    this.#send = send;
    this.#settle = Promise.withResolvers<Exit>();
    this.exited = this.#settle.promise;
    this.exited.catch(() => {});
    this.stdin = new Writable(this.#writer(0));
    this.stdout = new Readable(this.#reader(1));
    this.stderr = new Readable(this.#reader(2));
    this.control = new Duplex({ ...this.#writer(3), ...this.#reader(3), allowHalfOpen: true });
    // A caller that only awaits `exited` must not be brought down by a broken pipe.
    for (const stream of [this.stdin, this.stdout, this.stderr, this.control]) {
      stream.on('error', () => {});
    }
    this.#incoming.set(1, new Incoming(this.stdout, (n) => send(encodeCredit(id, 1, n))));
    this.#incoming.set(2, new Incoming(this.stderr, (n) => send(encodeCredit(id, 2, n))));
    this.#incoming.set(3, new Incoming(this.control, (n) => send(encodeCredit(id, 3, n))));
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#send(encodeFrame(Kind.Kill, this.#id, 0, Buffer.from(signal)));
  }

  /** Takes a frame from the helper. */
  receive(frame: Frame): void {
    if (frame.kind === Kind.Data) this.#incoming.get(frame.fd)?.push(frame.payload);
    else if (frame.kind === Kind.Credit) this.#credit(frame);
    else if (frame.kind === Kind.End) this.#ended(frame.fd);
    else if (frame.kind === Kind.Started) this.pid = Number(frame.payload.toString());
    else if (frame.kind === Kind.Exit) {
      this.#settle.resolve(JSON.parse(frame.payload.toString()));
      this.#oneLess();
    } else if (frame.kind === Kind.Failed) {
      const { message, code } = JSON.parse(frame.payload.toString());
      this.fail(new SpawnFailed(message, code ?? 'SPAWN'));
    }
  }

  /** Ends everything with an error. */
  fail(error: SpawnFailed): void {
    this.over = true;
    this.#settle.reject(error);
    for (const stream of [this.stdin, this.stdout, this.stderr, this.control]) {
      stream.destroy(error);
    }
  }

  #writer(fd: number) {
    const outgoing = new Outgoing();
    this.#outgoing.set(fd, outgoing);
    return {
      highWaterMark: 64 * 1024,
      write: (chunk: Buffer, _encoding: string, done: () => void) => {
        this.#sendParts(fd, chunk, outgoing, done);
      },
      final: (done: () => void) => {
        this.#send(encodeFrame(Kind.End, this.#id, fd));
        done();
      },
    };
  }

  /** However much is written at once, a frame stays small and the window is kept. */
  #sendParts(fd: number, chunk: Buffer, outgoing: Outgoing, done: () => void): void {
    const part = chunk.subarray(0, PART);
    const rest = chunk.subarray(PART);
    this.#send(encodeFrame(Kind.Data, this.#id, fd, part));
    outgoing.spend(part.length, () => {
      if (rest.length === 0 || outgoing.over) done();
      else this.#sendParts(fd, rest, outgoing, done);
    });
  }

  #reader(fd: number) {
    return { highWaterMark: 64 * 1024, read: () => this.#incoming.get(fd)?.wanted() };
  }

  #credit(frame: Frame): void {
    this.#outgoing.get(frame.fd)?.earn(frame.payload.readUInt32BE(0));
  }

  #ended(fd: number): void {
    if (fd === 0) {
      this.stdin.destroy(new SpawnFailed('the process closed its input', 'EPIPE'));
      return;
    }
    this.#incoming.get(fd)?.push(null);
    this.#outgoing.get(fd)?.earn(Number.POSITIVE_INFINITY);
    this.#oneLess();
  }

  #oneLess(): void {
    this.#alive -= 1;
    this.over = this.#alive === 0;
  }
}

/** Holds a writer back while its window is used up. */
class Outgoing {
  #left = WINDOW;
  #waiting: (() => void) | undefined;

  spend(bytes: number, done: () => void): void {
    this.#left -= bytes;
    if (this.#left > 0) done();
    else this.#waiting = done;
  }

  /** The reader has ended: nothing needs to be held back, nor sent. */
  get over(): boolean {
    return this.#left === Number.POSITIVE_INFINITY;
  }

  earn(bytes: number): void {
    this.#left += bytes;
    if (this.#left <= 0) return;
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.();
  }
}

/** Grants credit as fast as the reader reads: at most window + high-water mark is buffered. */
class Incoming {
  #stream: Readable;
  #grant: (bytes: number) => void;
  #owed = 0;

  constructor(stream: Readable, grant: (bytes: number) => void) {
    this.#stream = stream;
    this.#grant = grant;
  }

  push(chunk: Buffer | null): void {
    if (this.#stream.destroyed) {
      // Nobody reads any more; the child must not hang on a full pipe.
      if (chunk) this.#grant(chunk.length);
      return;
    }
    if (chunk) this.#owed += chunk.length;
    if (this.#stream.push(chunk)) this.wanted();
  }

  wanted(): void {
    if (this.#owed === 0) return;
    const bytes = this.#owed;
    this.#owed = 0;
    this.#grant(bytes);
  }
}
