import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Cuts off clients that do not read: a socket on which nothing has moved for `patience` milliseconds
 * while an answer waits. Holds for every answer alike, pages, files, git and streams, also for one that
 * is queued behind another. A socket with nothing to read stays: the server may be at work.
 */
export function endStalled(server: Server, patience: number): void {
  server.setTimeout(patience);
  server.on('timeout', (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy();
  });
}
