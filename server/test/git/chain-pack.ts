import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

const COMMIT = 1;
const TREE = 2;
const BLOB = 3;
const OFS_DELTA = 6;
const lineOf = (at: number) => `line ${String(at).padStart(8, '0')}\n`;

/**
 * A pack of a blob, so many deltas that each build on the one before (git stops at 4,095 of itself), a
 * tree with the last of them as `a.txt`, and its commit. https://git-scm.com/docs/pack-format
 */
export function chainPack(deltas: number): { pack: Buffer; commit: string; text: string } {
  const parts: Buffer[] = [];
  let size = 12;
  const add = (type: number, body: Buffer, base?: number): number => {
    const at = size;
    const offset = base === undefined ? Buffer.alloc(0) : offsetOf(at - base);
    const part = Buffer.concat([head(type, body.length), offset, deflateSync(body, { level: 1 })]);
    parts.push(part);
    size += part.length;
    return at;
  };
  let last = add(BLOB, Buffer.from(lineOf(0)));
  for (let at = 1; at <= deltas; at++) last = add(OFS_DELTA, deltaTo(lineOf(at)), last);
  const text = lineOf(deltas);
  const blob = idOf('blob', Buffer.from(text));
  const tree = Buffer.concat([Buffer.from('100644 a.txt\0'), Buffer.from(blob, 'hex')]);
  const who = 'Mal <mal@example.com> 1700000000 +0000';
  const commit = Buffer.from(
    `tree ${idOf('tree', tree)}\nauthor ${who}\ncommitter ${who}\n\nHostile\n`,
  );
  add(TREE, tree);
  add(COMMIT, commit);
  const start = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  start.writeUInt32BE(parts.length, 8);
  const whole = Buffer.concat([start, ...parts]);
  const pack = Buffer.concat([whole, createHash('sha1').update(whole).digest()]);
  return { pack, commit: idOf('commit', commit), text };
}

/** Makes `text` of a base of its length: a piece of the base, then the rest as it is. */
function deltaTo(text: string): Buffer {
  const bytes = Buffer.from(text);
  const copied = 5;
  const rest = bytes.subarray(copied);
  return Buffer.from([bytes.length, bytes.length, 0x90, copied, rest.length, ...rest]);
}

function head(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = size >> 4; rest > 0; rest >>= 7) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

/** How far back a base lies, in the pack's own way of writing it. */
function offsetOf(back: number): Buffer {
  const bytes = [back & 0x7f];
  for (let rest = back >> 7; rest > 0; rest >>= 7) bytes.unshift(0x80 | (--rest & 0x7f));
  return Buffer.from(bytes);
}

const idOf = (type: string, body: Buffer): string =>
  createHash('sha1').update(`${type} ${body.length}\0`).update(body).digest('hex');
