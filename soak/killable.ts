import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = join(import.meta.dirname, '../cli/src/main.ts');

/** The real server on a data folder, to be killed at any moment and started again. */
export class Killable {
  readonly dataDir: string;
  url = '';
  #child: ChildProcess | undefined;

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  async start(): Promise<void> {
    const env = { ...process.env, PORT: '0', DATA_DIR: this.dataDir, LIMIT_REQUESTS: '100000' };
    const child = spawn(process.execPath, [program, 'serve'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4_000);
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /https?:\/\/\S+/.exec(line)?.[0];
      if (!url) continue;
      this.url = url;
      return;
    }
    throw new Error(`The server did not start again: ${said}`);
  }

  /** Ends the server, and PostgreSQL too if asked, without a chance to tidy up. */
  async kill(database: boolean): Promise<void> {
    const child = this.#child!;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (database) await this.#killDatabase();
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  async #killDatabase(): Promise<void> {
    const lines = await readFile(join(this.dataDir, 'postgres', 'postmaster.pid'), 'utf8');
    process.kill(Number(lines.split('\n')[0]), 'SIGKILL');
  }
}
