/** The load of `bench collaboration`, in a process of its own: raw sockets that speak the protocol. */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import type { Load, Measured } from './collaboration.ts';

const type = { sync: 0, auth: 2, syncReply: 4 };
const update = 2;

process.once('message', (task: Load) => {
  void measure(task).then((measured) => {
    process.send!(measured, () => process.exit(0));
  });
});

async function measure(task: Load): Promise<Measured> {
  const latencies: number[] = [];
  const sentAt: number[] = [];
  let received = 0;
  let last = 0;
  const sockets = await Promise.all(
    Array.from({ length: task.readers }, () =>
      join(task, (bytes) => {
        const now = performance.now();
        // One message may carry several updates that the server has merged; each character is one.
        for (const number of numbersIn(bytes)) {
          received += 1;
          last = now;
          latencies.push(now - sentAt[number]!);
        }
      }),
    ),
  );
  const writer = await join(task, () => undefined);
  const document = new Y.Doc();
  const text = document.getText('bench');
  const pending: Uint8Array[] = [];
  document.on('update', (bytes: Uint8Array) => pending.push(bytes));
  const began = performance.now();
  for (let number = 0; number < task.updates; number++) {
    text.insert(text.length, `<${number}>`);
    sentAt[number] = performance.now();
    writer.send(message(task.document, pending.pop()!));
    // As fast as a fast typist's many hands: a few a turn, so that readers and writer share the time.
    if (task.pace > 0) await new Promise((resolve) => setTimeout(resolve, task.pace));
    else if (number % 5 === 4) await new Promise((resolve) => setImmediate(resolve));
  }
  const wanted = task.updates * task.readers;
  for (const deadline = Date.now() + 60_000; received < wanted && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (received < wanted) throw new Error(`Only ${received} of ${wanted} updates arrived.`);
  for (const socket of [...sockets, writer]) socket.terminate();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { delivered: wanted / ((last - began) / 1_000), p50: at(0.5), p99: at(0.99) };
}

/** Opens a socket, signs in, and asks for the document; resolves when it has come. */
function join(task: Load, onUpdate: (bytes: Uint8Array) => void): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(task.url);
    socket.binaryType = 'arraybuffer';
    socket.once('error', reject);
    socket.once('open', () => socket.send(authenticate(task)));
    let joined = false;
    socket.on('message', (data: ArrayBuffer) => {
      const decoder = decoding.createDecoder(new Uint8Array(data));
      decoding.readVarString(decoder);
      const kind = decoding.readVarUint(decoder);
      if (kind === type.auth && !joined) {
        joined = true;
        socket.send(firstSync(task.document));
        setTimeout(() => resolve(socket), 200);
      }
      const isSync = kind === type.sync || kind === type.syncReply;
      if (isSync && decoding.readVarUint(decoder) === update)
        onUpdate(decoding.readVarUint8Array(decoder));
    });
  });
}

function frame(document: string, write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, document);
  write(encoder);
  return encoding.toUint8Array(encoder);
}

const authenticate = (task: Load) =>
  frame(task.document, (encoder) => {
    encoding.writeVarUint(encoder, type.auth);
    encoding.writeVarUint(encoder, 0);
    encoding.writeVarString(encoder, task.token);
  });

const firstSync = (document: string) =>
  frame(document, (encoder) => {
    encoding.writeVarUint(encoder, type.sync);
    encoding.writeVarUint(encoder, 0);
    encoding.writeVarUint8Array(encoder, Y.encodeStateVector(new Y.Doc()));
  });

const message = (document: string, bytes: Uint8Array) =>
  frame(document, (encoder) => {
    encoding.writeVarUint(encoder, type.sync);
    encoding.writeVarUint(encoder, update);
    encoding.writeVarUint8Array(encoder, bytes);
  });

/** The numbers that the writer put into an update: `<17>` stands in it as plain text. */
function numbersIn(bytes: Uint8Array): number[] {
  return [
    ...Buffer.from(bytes)
      .toString('latin1')
      .matchAll(/<(\d+)>/g),
  ].map((match) => Number(match[1]));
}
