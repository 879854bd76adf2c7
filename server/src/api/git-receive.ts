/** The wire of `git push` (gitprotocol-pack): commands in, a report out. */
import { PassThrough, type Readable } from 'node:stream';
import type { PushReport, PushRequest } from '../workspaces/push.ts';
import type { Command } from '../workspaces/push-refs.ts';

/** Something that no git sends, or too much of it; the message is for the person. */
export class BadPush extends Error {
  readonly statusCode: number;
  constructor(message: string, statusCode = 400) {
    super(message);
    this.statusCode = statusCode;
  }
}

export type Wire = PushRequest & { sideBand: boolean; report: boolean };

const ZERO = '0'.repeat(40);
const CAPABILITIES =
  'report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=kyozo';
const MAX_COMMANDS = 16 * 2 ** 20;
const COMMAND = /^([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0]+)(?:\0(.*))?$/s;
const BAND = 65_515;

/** What a client is told before it pushes. */
export function advertisement(refs: ReadonlyMap<string, string>): Buffer {
  const lines = [...refs].map(([name, oid]) => `${oid} ${name}`);
  if (lines.length === 0) lines.push(`${ZERO} capabilities^{}`);
  lines[0] += `\0${CAPABILITIES}`;
  return Buffer.concat([
    packet('# service=git-receive-pack\n'),
    FLUSH,
    ...lines.map((line) => packet(`${line}\n`)),
    FLUSH,
  ]);
}

/**
 * Reads the commands; the pack is what is left of the body. Undefined for a request that asks for
 * nothing, as git sends one before a large push. @throws BadPush
 */
export async function readPush(body: Readable, most: number): Promise<Wire | undefined> {
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const commands: Command[] = [];
  const capabilities = new Set<string>();
  let rest: Buffer = Buffer.alloc(0);
  let size = 0;
  let at = 0;
  for (;;) {
    const packetLength = rest.length - at >= 4 ? lengthOf(rest, at) : undefined;
    if (packetLength === 0) {
      at += 4;
      break;
    }
    if (packetLength === undefined || rest.length - at < packetLength) {
      const { done, value } = await iterator.next();
      if (done && rest.length === at && size === 0) return undefined;
      if (done) throw new BadPush('The push ends too early.');
      size += value.length;
      if (size - value.length > MAX_COMMANDS) throw tooMany(most);
      rest = Buffer.concat([rest.subarray(at), value]);
      at = 0;
      continue;
    }
    readCommand(rest.toString('utf8', at + 4, at + packetLength), commands, capabilities);
    at += packetLength;
  }
  if (commands.length === 0) return undefined;
  if (commands.length > most) {
    for (let left = await iterator.next(); !left.done; ) left = await iterator.next();
    throw tooMany(most);
  }
  const brings = commands.some((command) => command.new !== undefined);
  return {
    commands,
    pack: brings ? continued(rest.subarray(at), iterator) : undefined,
    atomic: capabilities.has('atomic'),
    sideBand: capabilities.has('side-band-64k'),
    report: capabilities.has('report-status'),
  };
}

/** The answer to a push. */
export function writeReport({ unpack, refs, remarks }: PushReport, wire: Wire): Buffer {
  const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');
  const lines = [`unpack ${unpack ? oneLine(unpack) : 'ok'}\n`];
  for (const { name, refused } of refs) {
    lines.push(refused ? `ng ${name} ${oneLine(refused)}\n` : `ok ${name}\n`);
  }
  const report = wire.report
    ? Buffer.concat([...lines.map((line) => packet(line)), FLUSH])
    : Buffer.alloc(0);
  if (!wire.sideBand) return report;
  const said = new Set([...refs.flatMap(({ refused }) => refused ?? []), ...remarks]);
  const parts = [...said].map((text) => packet(Buffer.from(`\u0002${oneLine(text)}\n`)));
  for (let at = 0; at < report.length; at += BAND) {
    parts.push(packet(Buffer.concat([Buffer.from([1]), report.subarray(at, at + BAND)])));
  }
  return Buffer.concat([...parts, FLUSH]);
}

const FLUSH = Buffer.from('0000');

function packet(content: string | Buffer): Buffer {
  const body = Buffer.from(content as string);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body]);
}

function lengthOf(bytes: Buffer, at: number): number {
  const digits = bytes.toString('latin1', at, at + 4);
  const length = Number.parseInt(digits, 16);
  if (!/^[0-9a-f]{4}$/i.test(digits) || (length > 0 && length < 5)) {
    throw new BadPush('The push is not in the form of git.');
  }
  return length;
}

function readCommand(text: string, commands: Command[], capabilities: Set<string>): void {
  const line = text.replace(/\n$/, '');
  // Where a shallow clone ends; the whole history is here, and what is missing is found anyway.
  if (/^shallow [0-9a-f]{40}$/.test(line)) return;
  const match = COMMAND.exec(line);
  if (!match) throw new BadPush('The push is not in the form of git.');
  const [, old, next, name, features] = match;
  const oid = (hex: string) => (hex === ZERO ? undefined : hex);
  commands.push({ name: name!, old: oid(old!), new: oid(next!) });
  if (commands.length === 1) for (const one of (features ?? '').split(' ')) capabilities.add(one);
}

const tooMany = (most: number) =>
  new BadPush(`At most ${most} branches and tags can be pushed at once.`, 413);

/** What is left of the body. When nobody wants it any more it is read and dropped, so that the answer arrives. */
function continued(start: Buffer, iterator: AsyncIterator<Buffer>): Readable {
  const stream = new PassThrough();
  let go: () => void = () => undefined;
  for (const event of ['drain', 'close']) stream.on(event, () => go());
  stream.on('error', () => undefined);
  const pump = async () => {
    if (start.length > 0) stream.write(start);
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      if (stream.destroyed || stream.write(next.value)) continue;
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    }
    stream.end();
  };
  void pump().catch(() => stream.destroy(new BadPush('The push ends too early.')));
  return stream;
}
