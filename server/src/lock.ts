import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Holds a data folder for this process, as a listening socket: the system drops it with the process,
 * however that ends. The name is a digest because socket paths are limited to about 100 bytes.
 * @throws Error when another server holds it
 */
export async function lockDataDir(dataDir: string): Promise<Server> {
  const digest = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 32);
  const path = join(tmpdir(), `kyozo-${digest}.sock`);
  const first = await listen(path);
  if (first) return first;
  if (await answers(path)) throw new Error(`Another server uses DATA_DIR ${dataDir}.`);
  await rm(path, { force: true });
  const second = await listen(path);
  if (!second) throw new Error(`Another server uses DATA_DIR ${dataDir}.`);
  return second;
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
