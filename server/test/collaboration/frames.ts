import { once } from 'node:events';
import { WebSocket } from 'ws';

/** Hocuspocus's message types, and what stands inside a sync message. */
const types = { sync: 0, awareness: 1, auth: 2, stateless: 5, status: 8 };
export const sync = { step1: 0, step2: 1, update: 2 };

/** A socket that speaks frames, so that a test can say what no provider would. */
export class RawClient {
  readonly socket: WebSocket;
  /** Types of the frames that came, in order; a sync message's as `sync:N`, a status's as `status:N`. */
  readonly received: string[] = [];
  closeCode: number | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.received.push(nameOf(data)));
    socket.on('close', (code) => {
      this.closeCode = code;
    });
    socket.on('error', () => undefined);
  }

  static async open(url: string): Promise<RawClient> {
    const client = new RawClient(new WebSocket(`${url.replace('http', 'ws')}/collaboration`));
    await once(client.socket, 'open');
    return client;
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame);
  }

  close(): void {
    this.socket.close();
  }
}

export const authFrame = (name: string, token: string): Uint8Array =>
  frame(name, types.auth, Buffer.from([0]), text(token), text('4.7.0'));

export const syncFrame = (name: string, kind: number, payload: Uint8Array): Uint8Array =>
  frame(name, types.sync, number(kind), bytes(payload));

export const awarenessFrame = (name: string, client: number, clock: number, state: object) =>
  frame(
    name,
    types.awareness,
    bytes(Buffer.concat([number(1), number(client), number(clock), text(JSON.stringify(state))])),
  );

/** An update that only says: `length` removed characters stand under a client id from `clock` on. */
export const fillingUpdate = (client: number, clock: number, length: number): Uint8Array =>
  // One client, one struct, of the kind that stands for collected garbage; no deletions.
  Buffer.concat([...[1, 1, client, clock, 0, length, 0].map(number)]);

const frame = (name: string, type: number, ...parts: Uint8Array[]) =>
  Buffer.concat([text(name), number(type), ...parts]);
const text = (value: string) => bytes(Buffer.from(value));
const bytes = (value: Uint8Array) => Buffer.concat([number(value.length), value]);

/** A whole number in lib0's notation: seven bits a byte, the lowest first. */
function number(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
}

function nameOf(data: Buffer): string {
  const at = 1 + data[0]!;
  const known = Object.entries(types).find(([, type]) => type === data[at])?.[0];
  const inner = known === 'sync' || known === 'status' || known === 'auth';
  return inner ? `${known}:${data[at + 1]}` : (known ?? `type ${data[at]}`);
}
