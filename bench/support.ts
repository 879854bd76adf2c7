import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Started = { url: string; dataDir: string; pid: number; stop(): Promise<void> };

/** The real server in a process of its own, with its own PostgreSQL, on a free port. */
export async function startServer(environment: Record<string, string> = {}): Promise<Started> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-bench-'));
  const env = {
    ...process.env,
    PORT: '0',
    DATA_DIR: dataDir,
    LIMIT_REQUESTS: '1000000',
    LIMIT_REGISTRATIONS: '100000',
    ...environment,
  };
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../cli/src/main.ts'), 'serve'],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const url = await readyUrl(child);
  return {
    url,
    dataDir,
    pid: child.pid!,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits for the line that says where a child listens. */
export async function readyUrl(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /https?:\/\/\S+/.exec(line)?.[0];
    if (url) return url;
  }
  throw new Error('The server ended before it was ready.');
}

/** The superuser's address of the embedded cluster of a data folder. */
export async function ownerUrlOf(dataDir: string): Promise<string> {
  const secret = (await readFile(join(dataDir, 'secret-key'), 'utf8')).trim();
  const password = createHmac('sha256', secret).update('embedded postgres').digest('hex');
  const port = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[3];
  return `postgres://postgres:${password}@127.0.0.1:${port}/kyozo`;
}
