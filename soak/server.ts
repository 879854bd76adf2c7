import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Which processes die: the server, its PostgreSQL, or both at once. */
export type Victims = 'server' | 'database' | 'both';

/** How long a server may take to end, in milliseconds. */
const patience = 60_000;

/** The whole product in a process of its own, to be killed and started again on the same folder. */
export class Server {
  readonly url: string;
  /** The last that the server printed as an error. */
  complaints = '';
  readonly #child: ChildProcess;
  readonly #dataDir: string;

  private constructor(url: string, child: ChildProcess, dataDir: string) {
    this.url = url;
    this.#child = child;
    this.#dataDir = dataDir;
  }

  static async start(
    dataDir: string,
    port: number,
    settings: Record<string, string> = {},
  ): Promise<Server> {
    const main = join(import.meta.dirname, '../cli/src/main.ts');
    const env = {
      ...process.env,
      PORT: String(port),
      DATA_DIR: dataDir,
      DATABASE_URL: '',
      LIMIT_REQUESTS: '1000000',
      LIMIT_REGISTRATIONS: '100000',
      LOG_LEVEL: 'error',
      ...settings,
    };
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [main, 'serve'], { env, stdio: [...stdio] });
    const server = new Server(`http://127.0.0.1:${port}`, child, dataDir);
    child.stderr!.on('data', (chunk: Buffer) => {
      server.complaints = (server.complaints + chunk).slice(-4_000);
    });
    for await (const line of createInterface({ input: child.stdout! }))
      if (line.includes(server.url)) return server;
    throw new Error(`The server did not start again: ${server.complaints}`);
  }

  /**
   * Kills without warning, by process id, and waits until the server is gone: without its database it
   * ends by itself.
   */
  async kill(victims: Victims): Promise<void> {
    const gone = this.#gone();
    const database = victims === 'server' ? [] : await databasePids(this.#dataDir);
    if (victims !== 'database') this.#child.kill('SIGKILL');
    for (const pid of database) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // A backend that has just ended.
      }
    }
    await gone;
  }

  async stop(): Promise<void> {
    const gone = this.#gone();
    this.#child.kill('SIGTERM');
    await gone;
  }

  async #gone(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const late = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    const began = performance.now();
    await once(this.#child, 'exit');
    clearTimeout(late);
    if (performance.now() - began >= patience) throw new Error('The server did not end.');
  }
}

/** The postmaster of a data folder and its children. */
async function databasePids(dataDir: string): Promise<number[]> {
  const file = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
  const postmaster = Number(file.split('\n')[0]);
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8');
  return [postmaster, ...children.trim().split(' ').filter(Boolean).map(Number)];
}

/** A port that is free now, so that a page can find the server again after a restart. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
