import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..');

export type Server = {
  url: string;
  dataDir: string;
  /** The process that runs now. */
  pid(): number;
  /** The link in the newest mail to an address whose subject has these words; waits for it. */
  linkMailed(address: string, subject: string): Promise<string>;
  stop(): Promise<void>;
  /** Stops the process, does something while it is away, and starts it again on the same data. */
  leave(meanwhile: () => Promise<void>): Promise<void>;
};

/**
 * Starts the product as a child with an empty data directory; resolves when it says it is ready. At
 * `localhost` browsers also allow passkeys.
 */
export async function startServer(settings: Record<string, string> = {}): Promise<Server> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-e2e-'));
  // The sandbox runs cells as a user of its own, which must be able to pass through.
  await chmod(dataDir, 0o755);
  const port = String(await freePort());
  const environment = { PUBLIC_URL: `http://localhost:${port}`, ...settings, PORT: port };
  let child = await run(dataDir, environment);
  return {
    url: environment.PUBLIC_URL,
    dataDir,
    pid: () => child.pid!,
    linkMailed: (address, subject) => linkMailed(join(dataDir, 'mail'), address, subject),
    stop: async () => {
      await end(child);
      await rm(dataDir, { recursive: true, force: true });
    },
    leave: async (meanwhile) => {
      await end(child);
      await meanwhile().finally(async () => {
        child = await run(dataDir, environment);
      });
    },
  };
}

async function run(dataDir: string, settings: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['cli/src/main.ts', 'serve'], {
    cwd: root,
    env: { ...process.env, HOST: '127.0.0.1', DATA_DIR: dataDir, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.includes('is ready at')) continue;
    child.stdout!.resume();
    return child;
  }
  throw new Error('The server ended before it was ready.');
}

async function end(child: ChildProcess): Promise<void> {
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await over;
}

async function linkMailed(folder: string, address: string, subject: string): Promise<string> {
  for (;;) {
    const names = await readdir(folder).catch((): string[] => []);
    const letters = names.filter((name) => name.endsWith('.eml')).sort();
    for (const name of letters.reverse()) {
      const letter = await readFile(join(folder, name), 'utf8');
      if (!letter.includes(`To: ${address}`) || !letter.includes(`Subject: ${subject}`)) continue;
      // Quoted-printable breaks long lines.
      const text = letter.replaceAll('=\r\n', '').replaceAll('=3D', '=');
      return /https?:\/\/\S+#token=[\w-]+/u.exec(text)![0];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
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
