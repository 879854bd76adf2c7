import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { prepareJobs } from '../../src/jobs/queue.ts';
import { removeData } from './remove-data.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's address of the cluster whose database `kyozo` is the migrated template. */
    clusterUrl: string;
  }
}

/** No test pulls its plug: those about crashes start a cluster of their own. Several servers share it. */
const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=200'];

let cluster: Promise<{ url: string; stop(): Promise<void> }> | undefined;
let users = 0;

/** One real PostgreSQL for the run, with the migrated template that each test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  users += 1;
  cluster ??= start();
  const { url, stop } = await cluster;
  project.provide('clusterUrl', url);
  return async () => {
    users -= 1;
    if (users === 0) await stop();
  };
}

async function start(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-test-'));
  const embedded = await startEmbedded(folder, 'a secret key for tests, 32 characters', settings);
  const { url } = embedded;
  await migrate(url);
  await prepareJobs(url);
  const client = new pg.Client({ connectionString: url.replace(/kyozo$/, 'postgres') });
  await client.connect();
  await client.query('alter database kyozo is_template true');
  await client.end();
  return {
    url,
    stop: async () => {
      await embedded.stop();
      await removeData(folder);
    },
  };
}
