import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { directus, type Side } from './http-sides.ts';

/** The newest that the registry has whole; 12.4.1 asks for an @directus/app that is not there. */
const version = '11.3.5';
const folder = join(tmpdir(), `kyozo-bench-directus-${version}`);
const port = 18_055;
const token = 'a-static-token-for-the-benchmark';
const run = promisify(execFile);

export type Directus = { side: Side; stop(): Promise<void> } | { missing: string };

/**
 * Directus on the same PostgreSQL, in a database of its own with the same rows. It is installed into the
 * machine's temporary folder when it is first asked for, which takes minutes, and is no dependency of ours.
 */
export async function startDirectus(databaseUrl: string): Promise<Directus> {
  try {
    await install();
    const url = await copyOf(databaseUrl);
    const env = environment(url);
    const program = join(folder, 'node_modules/directus/cli.js');
    const node = await nodeThatFits();
    await run(node, [program, 'bootstrap'], { cwd: folder, env });
    const child = spawn(node, [program, 'start'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const side = directus(`http://127.0.0.1:${port}`, token);
    await answering(side.url, child);
    return {
      side,
      async stop() {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      },
    };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return { missing: /Error: .*/.exec(stderr ?? '')?.[0] ?? message.split('\n')[0]! };
  }
}

async function install(): Promise<void> {
  if (existsSync(join(folder, 'installed'))) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  console.log(`Installing Directus ${version} into ${folder}; this takes some minutes.`);
  const npm = ['install', '--no-audit', '--no-fund', '--save-exact', `directus@${version}`];
  await run('npm', npm, { cwd: folder, maxBuffer: 2 ** 26 });
  await writeFile(join(folder, 'installed'), '');
}

/** Its native parts fit the Node whose headers the machine has, which need not be ours. */
async function nodeThatFits(): Promise<string> {
  const nodes = (process.env.PATH ?? '').split(delimiter).map((path) => join(path, 'node'));
  for (const node of nodes.filter((path) => existsSync(path))) {
    const loads = await run(node, ['-e', 'require("isolated-vm")'], { cwd: folder }).catch(
      () => null,
    );
    if (loads) return node;
  }
  throw new Error('no Node here can load its native parts');
}

/** A database beside ours with the same workspaces and files, as tables that are Directus's own. */
async function copyOf(databaseUrl: string): Promise<string> {
  const from = new pg.Client({ connectionString: databaseUrl });
  await from.connect();
  await from.query('create database directus');
  const url = databaseUrl.replace(/\/kyozo$/, '/directus');
  const to = new pg.Client({ connectionString: url });
  await to.connect();
  await to.query(`
    create table workspaces (id uuid primary key, team_id uuid, name text, slug text);
    create table files (id uuid primary key default gen_random_uuid(), team_id uuid not null,
      workspace_id uuid not null references workspaces, path text not null, folded_path text, name text not null,
      content_type text not null default 'application/octet-stream', size bigint not null default 0,
      version integer not null default 0, storage_backend text, metadata json not null default '{}',
      inserted_at timestamptz not null default now(), updated_at timestamptz not null default now(), deleted_at timestamptz);
    create index on files (team_id, id desc)`);
  for (const [table, columns] of [
    ['workspaces', 'id, team_id, name, slug'],
    ['files', 'id, team_id, workspace_id, path, folded_path, name, size'],
  ]) {
    const { rows } = await from.query(
      `select json_agg(t) as all from (select ${columns} from ${table}) t`,
    );
    await to.query(
      `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1)`,
      [JSON.stringify(rows[0].all)],
    );
  }
  await to.query('analyze');
  await Promise.all([from.end(), to.end()]);
  return url;
}

function environment(url: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...{ DB_CLIENT: 'pg', DB_CONNECTION_STRING: url, DB_POOL__MAX: '10', HOST: '127.0.0.1' },
    ...{ PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, SECRET: 's'.repeat(40) },
    ...{ ADMIN_EMAIL: 'bench@example.com', ADMIN_PASSWORD: 'correct horse', ADMIN_TOKEN: token },
    ...{
      TELEMETRY: 'false',
      LOG_LEVEL: 'error',
      RATE_LIMITER_ENABLED: 'false',
      CACHE_ENABLED: 'false',
    },
  };
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 240 && child.exitCode === null; tries++) {
    const up = await fetch(`${url}/server/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('Directus did not start.');
}
