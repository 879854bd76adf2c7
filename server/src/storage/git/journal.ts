/**
 * The journal makes many small objects durable with one fdatasync: a batch is appended here and
 * synced, then its loose files are written without a sync of their own. After a crash the journal
 * is replayed into the repositories. Measured for 4 objects: 0.6 ms, against 2.4 ms with an fsync
 * for each file and folder (64 objects: 3.2 ms against 14.9).
 *
 * A record is `repository uuid (16) | object id (20) | length u32 | deflated object`. The object id
 * is the checksum: the first record that does not hash to its id is the torn end of the segment.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { isRunning } from '../../running.ts';

export type Entry = { repository: string; oid: string; deflated: Buffer };

/** How far a segment is filled before the next one begins. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;

const HEADER = 40;
/** A file that already has its length and blocks is synced without a commit of the file system's own
 * journal, which would also hold up every file created meanwhile: 676 versions a second against 285. */
const ZEROS = Buffer.alloc(SEGMENT_BYTES + 512 * 1024);

export class Journal {
  #folder: string;
  #segment: { path: string; fd: number; size: number } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Bytes in the open segment. */
  get size(): number {
    return this.#segment?.size ?? 0;
  }

  /** Appends durably. After an error the caller must rotate: nothing may follow a torn record. */
  append(entries: readonly Entry[]): void {
    const segment = this.#open();
    const bytes = Buffer.concat(entries.flatMap(encode));
    let at = 0;
    while (at < bytes.length) at += writeSync(segment.fd, bytes, at, undefined, segment.size + at);
    fdatasyncSync(segment.fd);
    segment.size += bytes.length;
  }

  /** Closes the open segment and returns its path, for removal once its files are durable. */
  rotate(): string | undefined {
    const segment = this.#segment;
    this.#segment = undefined;
    if (segment) closeSync(segment.fd);
    return segment?.path;
  }

  /** The segments that a crash left, oldest first, other nodes' too. */
  static leftovers(folder: string): string[] {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .map((name) => join(folder, name));
  }

  /** Whether the segment's writer still runs on this machine, or cannot be asked. */
  static inUse(path: string): boolean {
    const [host, pid] = path.slice(path.lastIndexOf('/') + 1).split('@');
    if (host !== hostname()) return true;
    return Number(pid) !== process.pid && isRunning(Number(pid));
  }

  #open() {
    if (this.#segment) return this.#segment;
    const name = `${hostname()}@${process.pid}@${Date.now()}-${randomUUID().slice(0, 8)}.log`;
    const path = join(this.#folder, name);
    const fd = openFilled(path);
    this.#segment = { path, fd, size: 0 };
    syncFolderSync(this.#folder);
    return this.#segment;
  }
}

function openFilled(path: string): number {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < ZEROS.length; ) at += writeSync(fd, ZEROS, at);
    fsyncSync(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    unlinkSync(path);
    throw error;
  }
}

/** The whole records of a segment. */
export function* readSegment(path: string): Generator<Entry> {
  const bytes = readFileSync(path);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 36);
    const deflated = bytes.subarray(at + HEADER, at + HEADER + length);
    const entry = {
      repository: toUuid(bytes.toString('hex', at, at + 16)),
      oid: bytes.toString('hex', at + 16, at + 36),
      deflated,
    };
    if (deflated.length < length || !isWhole(entry)) return;
    yield entry;
    at += HEADER + length;
  }
}

export function syncFolderSync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether the deflated bytes are the object that the id names. */
export function isWhole({ oid, deflated }: { oid: string; deflated: Buffer }): boolean {
  try {
    return createHash('sha1').update(inflateSync(deflated)).digest('hex') === oid;
  } catch {
    return false;
  }
}

function encode({ repository, oid, deflated }: Entry): Buffer[] {
  const header = Buffer.alloc(HEADER);
  header.write(repository.replaceAll('-', ''), 0, 'hex');
  header.write(oid, 16, 'hex');
  header.writeUInt32BE(deflated.length, 36);
  return [header, deflated];
}

function toUuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
