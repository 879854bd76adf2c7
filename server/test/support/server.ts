import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { type Config, readConfig } from '../../src/config.ts';
import { type Running, serve } from '../../src/main.ts';
import { openToOthers } from './modes.ts';

export type TestServer = Running & {
  databaseUrl: string;
  dataDir: string;
  config: Config;
  /** A superuser's query, past row-level security. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
};

let count = 0;

/** A real server on a free port, with a database of its own cloned from the template. */
export async function startServer(overrides: Partial<Config> = {}): Promise<TestServer> {
  const databaseUrl = await cloneDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-data-'));
  const config = {
    ...readConfig({
      PORT: '0',
      DATA_DIR: dataDir,
      DATABASE_URL: databaseUrl,
      SECRET_KEY: 'k'.repeat(32),
      PATH: process.env.PATH,
    }),
    registrationsPerMinute: 100_000,
    requestsPerSecond: 100_000,
    ...overrides,
  };
  const running = await serve(config);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  return {
    ...running,
    databaseUrl,
    dataDir,
    config,
    query: async <Row extends object>(text: string, values?: unknown[]) =>
      (await pool.query(text, values)).rows as Row[],
    async stop() {
      await running.stop();
      await pool.end();
      await noteOpenFiles(dataDir);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Notes what others on the machine could read of a data folder; the last test of the suite looks at it. */
async function noteOpenFiles(dataDir: string): Promise<void> {
  const found = await openToOthers(dataDir);
  const folder = process.env.FAULTS_FOLDER;
  if (found.length > 0 && folder) await appendFile(join(folder, 'open.txt'), found.join('\n'));
}

/** The address of a fresh copy of the migrated template. */
export async function cloneDatabase(): Promise<string> {
  const template = inject('clusterUrl');
  const name = `test_${process.pid}_${++count}_${Date.now().toString(36)}`;
  const client = new pg.Client({ connectionString: template.replace(/kyozo$/, 'postgres') });
  await client.connect();
  // Two clones of one template cannot be made at the same time.
  await client.query('select pg_advisory_lock(1)');
  await client.query(`create database ${name} template kyozo`);
  await client.end();
  return template.replace(/kyozo$/, name);
}
