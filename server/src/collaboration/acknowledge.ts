import type { WebSocketLike } from '@hocuspocus/server';
import type { WebSocket } from 'ws';
import type { Pausable } from './budget.ts';

/** Hocuspocus's message type for "your update was applied". */
const syncStatus = 8;
/** Bytes that wait for somebody who does not read; beyond, they are told to come again. */
const mostWaiting = 64 * 2 ** 20;

/**
 * A socket whose acknowledgements wait until what they acknowledge is durable. Stock Hocuspocus says
 * "applied" at once, and a client shows that as saved. Every other message passes at once, so readers
 * see edits as fast as ever.
 */
export function acknowledgeWhenDurable(
  socket: WebSocket,
  durable: (documentName: string) => Promise<void>,
): WebSocketLike & Pausable {
  const send: WebSocketLike['send'] = (message) => {
    if (socket.bufferedAmount <= mostWaiting) socket.send(message as Uint8Array);
    else socket.terminate();
  };
  return {
    get readyState() {
      return socket.readyState;
    },
    close: (code, reason) => socket.close(code, reason),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    send(message) {
      const name = message instanceof Uint8Array ? acknowledgedDocument(message) : undefined;
      if (name === undefined) send(message);
      else {
        const acknowledge = () => {
          if (socket.readyState === 1) send(message);
        };
        // What will never be durable is never acknowledged.
        void durable(name).then(acknowledge, () => undefined);
      }
    },
  };
}

/** The document whose update a message acknowledges; undefined for any other message. */
function acknowledgedDocument(message: Uint8Array): string | undefined {
  // A frame is: length of the address (one byte below 128), the address, the type, the rest. Ours are
  // UUIDs, with a session's id behind a NUL at most.
  const length = message[0]!;
  const isStatus = length < 128 && message[1 + length] === syncStatus && message[2 + length] === 1;
  return isStatus ? Buffer.from(message.subarray(1, 37)).toString('latin1') : undefined;
}
