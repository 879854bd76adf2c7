import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { prepareJobs } from '../../src/jobs/queue.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's address of the cluster whose database `kyozo` is the migrated template. */
    clusterUrl: string;
  }
}

/** One real PostgreSQL for the run, with the migrated template that each test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-test-'));
  const cluster = await startEmbedded(folder, 'a secret key for tests, 32 characters');
  await migrate(cluster.url);
  await prepareJobs(cluster.url);
  const client = new pg.Client({ connectionString: cluster.url.replace(/kyozo$/, 'postgres') });
  await client.connect();
  await client.query('alter database kyozo is_template true');
  await client.end();
  project.provide('clusterUrl', cluster.url);
  return async () => {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
