import { expect } from 'vitest';
import { prepareRoles } from '../../src/database/migrate.ts';
import { type JobData, type JobName, Queue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import type { TestServer } from './server.ts';

/** Has the server do a job now, and waits until it and all of its kind are done. */
export async function runJob<Name extends JobName>(
  server: Pick<TestServer, 'databaseUrl' | 'config' | 'query'>,
  name: Name,
  data: JobData[Name],
): Promise<void> {
  const { server: url } = await prepareRoles(server.databaseUrl, server.config.secretKey);
  const queue = await Queue.open(url, createLog('silent'));
  try {
    await queue.add(name, data);
    const open = () =>
      server.query(
        "select output from jobs.job where name = $1 and state not in ('completed', 'failed')",
        [name],
      );
    await expect.poll(open, { timeout: 60_000, interval: 50 }).toEqual([]);
  } finally {
    await queue.stop();
  }
}
