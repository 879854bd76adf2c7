import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..');

export type Server = {
  url: string;
  stop(): Promise<void>;
  /** Stops the process, does something while it is away, and starts it again on the same data. */
  leave(meanwhile: () => Promise<void>): Promise<void>;
};

/** Starts the product as a child with an empty data directory; resolves when it says it is ready. */
export async function startServer(): Promise<Server> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-e2e-'));
  // The sandbox runs cells as a user of its own, which must be able to pass through.
  await chmod(dataDir, 0o755);
  const port = String(await freePort());
  let { child, url } = await run(dataDir, port);
  return {
    url,
    stop: async () => {
      await end(child);
      await rm(dataDir, { recursive: true, force: true });
    },
    leave: async (meanwhile) => {
      await end(child);
      await meanwhile().finally(async () => {
        ({ child, url } = await run(dataDir, port));
      });
    },
  };
}

async function run(dataDir: string, port: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['cli/src/main.ts', 'serve'], {
    cwd: root,
    env: { ...process.env, HOST: '127.0.0.1', PORT: port, DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, url: await readyAddress(child) };
}

async function end(child: ChildProcess): Promise<void> {
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await over;
}

async function readyAddress(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /ready at (\S+)/u.exec(line)?.[1];
    if (url) {
      child.stdout!.resume();
      return url;
    }
  }
  throw new Error('The server ended before it was ready.');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
