import { isUtf8 } from 'node:buffer';
import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentKind, kindOf } from '../storage/content-kind.ts';
import { PassingFile } from '../storage/passing-file.ts';

export type Body = Uint8Array | AsyncIterable<Uint8Array>;
/** A body whose kind and size (bytes) are known; `release` removes what it lay in meanwhile. */
export type Settled = {
  kind: ContentKind;
  size: number;
  body: Body;
  release(): Promise<void>;
};

/** Up to here a body is held in memory: text that can be edited live is no larger. */
export const heldLimit = 4 * 2 ** 20;
/** What the formats of `file-type` are told apart by. */
const startSize = 4_100;
const nothing = async () => undefined;

/**
 * Finds out what a body is without holding more than its start. Binary content of a known size is
 * passed on as it comes; only what may be text to its end, or ends nobody knows where, is written
 * below `folder` first. Errors: the body's own, and those of I/O.
 */
export async function settle(
  path: string,
  body: Body,
  size: number | undefined,
  folder: string,
): Promise<Settled> {
  if (body instanceof Uint8Array) return whole(path, body);
  const source = body[Symbol.asyncIterator]();
  const check = new TextCheck();
  const start: Uint8Array[] = [];
  let length = 0;
  let looked = false;
  while (length <= heldLimit) {
    const next = await source.next();
    if (next.done) return whole(path, Buffer.concat(start));
    start.push(next.value);
    length += next.value.length;
    check.add(next.value);
    if (!check.binary || size === undefined) continue;
    // Some formats say what they are behind a long head, so what the start does not tell, more may.
    if ((length >= startSize && !looked) || length > heldLimit) {
      looked = true;
      const kind = await kindOf(path, Buffer.concat(start));
      if (length > heldLimit || kind.contentType !== unknownKind.contentType)
        return { kind, size, body: follow(start, source), release: nothing };
    }
  }
  return spool(path, start, source, check, folder);
}

async function whole(path: string, bytes: Uint8Array): Promise<Settled> {
  return { kind: await kindOf(path, bytes), size: bytes.length, body: bytes, release: nothing };
}

async function* follow(
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* start;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function spool(
  name: string,
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
  check: TextCheck,
  folder: string,
): Promise<Settled> {
  const path = join(folder, randomUUID());
  // Nobody but this request will read it, so nobody else has its key.
  const file = await PassingFile.create(path, { generation: 0, key: randomBytes(32) });
  const release = async () => {
    await file.close();
    await rm(path, { force: true });
  };
  const known = check.binary ? await kindOf(name, Buffer.concat(start)) : undefined;
  try {
    const size = await writeTo(file, start, rest, check);
    const kind = known ?? (check.end() ? await kindOf(name, new Uint8Array()) : unknownKind);
    return { kind, size, body: file.read({ start: 0, end: size }), release };
  } catch (error) {
    await release();
    throw error;
  }
}

const unknownKind: ContentKind = {
  contentType: 'application/octet-stream',
  text: false,
  image: false,
  code: false,
};

async function writeTo(
  file: PassingFile,
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
  check: TextCheck,
): Promise<number> {
  let size = 0;
  const write = async (chunk: Uint8Array) => {
    await file.write(chunk, size);
    size += chunk.length;
  };
  for (const chunk of start) await write(chunk);
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    check.add(next.value);
    await write(next.value);
  }
  return size;
}

/** Whether bytes that come in pieces are text: UTF-8 without NUL. */
class TextCheck {
  binary = false;
  /** A character whose last bytes are still to come. */
  #open: Uint8Array = new Uint8Array();

  add(chunk: Uint8Array): void {
    if (this.binary) return;
    const bytes = this.#open.length === 0 ? chunk : Buffer.concat([this.#open, chunk]);
    const end = endOfCharacters(bytes);
    const closed = bytes.subarray(0, end);
    this.binary = closed.includes(0) || !isUtf8(closed);
    this.#open = Uint8Array.from(bytes.subarray(end));
  }

  /** Whether all of it was text, now that nothing follows. */
  end(): boolean {
    return !this.binary && this.#open.length === 0;
  }
}

/** Where the last character begins when it is cut off, else the end. */
function endOfCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
