/**
 * The wire between the server and its spawn helper: `length u32 | kind u8 | child u32 | fd u8 |
 * payload`, big-endian, the length counting what follows it. Pure: no I/O here.
 */

export const Kind = {
  Ready: 0,
  Spawn: 1,
  Started: 2,
  Data: 3,
  End: 4,
  Credit: 5,
  Kill: 6,
  Exit: 7,
  Failed: 8,
} as const;

export type FrameKind = (typeof Kind)[keyof typeof Kind];

export type Frame = {
  kind: FrameKind;
  /** The child's number; 0 for the helper itself. */
  child: number;
  /** The file descriptor in the child that data, end and credit speak of. */
  fd: number;
  payload: Buffer;
};

/** What one side may send on one stream before the other has granted more. */
export const WINDOW = 256 * 1024;

const HEADER = 10;
const MAX_FRAME = 64 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** One frame as bytes. */
export function encodeFrame(kind: FrameKind, child: number, fd = 0, payload: Uint8Array = EMPTY) {
  const bytes = Buffer.allocUnsafe(HEADER + payload.length);
  bytes.writeUInt32BE(HEADER - 4 + payload.length, 0);
  bytes[4] = kind;
  bytes.writeUInt32BE(child, 5);
  bytes[9] = fd;
  bytes.set(payload, HEADER);
  return bytes;
}

/** One frame whose payload is JSON. */
export function encodeJson(kind: FrameKind, child: number, value: unknown): Buffer {
  return encodeFrame(kind, child, 0, Buffer.from(JSON.stringify(value)));
}

/** A credit of `bytes` for a stream. */
export function encodeCredit(child: number, fd: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes, 0);
  return encodeFrame(Kind.Credit, child, fd, payload);
}

/** Cuts a byte stream into frames; keeps what is incomplete. Throws on a frame no peer sends. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #size = 0;

  /** The frames that `chunk` completes, in order. */
  *push(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= 4) {
      const length = this.#peek(4).readUInt32BE(0);
      if (length < HEADER - 4 || length > MAX_FRAME) throw new Error(`bad frame length ${length}`);
      if (this.#size < 4 + length) return;
      yield parse(this.#take(4 + length));
    }
  }

  #peek(size: number): Buffer {
    const first = this.#chunks[0]!;
    if (first.length >= size) return first;
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  #take(size: number): Buffer {
    const whole = this.#peek(size);
    this.#size -= size;
    if (whole.length === size) this.#chunks.shift();
    else this.#chunks[0] = whole.subarray(size);
    return whole.subarray(0, size);
  }
}

function parse(bytes: Buffer): Frame {
  const kind = bytes[4]!;
  if (kind > Kind.Failed) throw new Error(`unknown frame kind ${kind}`);
  return {
    kind: kind as FrameKind,
    child: bytes.readUInt32BE(5),
    fd: bytes[9]!,
    payload: bytes.subarray(HEADER),
  };
}
