import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Actor } from '@kyozo/resource';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { prepareRoles } from '../../src/database/migrate.ts';
import { sql } from '../../src/database/sql.ts';
import { type Job, Queue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import { cloneDatabase } from '../support/server.ts';
import './worker.ts';

let url: string;
let queue: Queue;
let database: Database;
const handled: number[] = [];
let wake: () => void = () => undefined;
let behave: (job: Job<'probe'>) => Promise<void> = async () => undefined;
const log = createLog('silent');
const team = { teamId: '01890a5d-ac96-774b-bcce-b302099a8057' } as Actor;

beforeAll(async () => {
  url = (await prepareRoles(await cloneDatabase(), 'k'.repeat(32))).server;
  queue = await Queue.open(url, log);
  database = new Database({ connectionString: url }, { lanes: 1, pool: 4 });
});
afterAll(async () => {
  await queue.stop();
  await database.close();
});

const run = async (job: Job<'probe'>) => {
  await behave(job);
  handled.push(job.data.number);
  wake();
};
/** Resolves when so many jobs in all have been done. */
async function done(count: number): Promise<void> {
  while (handled.length < count)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
}

test('the job of a worker that was killed is done by another', async () => {
  const worker = spawn(process.execPath, [join(import.meta.dirname, 'worker.ts'), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(String(await once(worker.stdout, 'data'))).toBe('ready\n');
  await queue.add('probe', { number: 1 });
  expect(String(await once(worker.stdout, 'data'))).toBe('taken\n');
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  await queue.start({ name: 'probe', run });
  await done(1);
  expect(handled).toEqual([1]);
}, 120_000);

test('a job becomes true with the transaction that adds it, and not without', {
  timeout: 120_000,
}, async () => {
  handled.length = 0;
  const refused = database.transaction(team, async (transaction) => {
    await queue.add('probe', { number: 2 }, transaction);
    throw new Error('no');
  });
  await expect(refused).rejects.toThrow('no');
  await database.transaction(team, (transaction) => queue.add('probe', { number: 3 }, transaction));
  await done(1);
  expect(handled).toEqual([3]);
});

test('a job that fails is tried again, and others go on meanwhile', async () => {
  handled.length = 0;
  let failures = 2;
  behave = async ({ data }) => {
    if (data.number === 4 && failures-- > 0) throw new Error('not now');
  };
  await queue.add('probe', { number: 4 });
  await queue.add('probe', { number: 5 });
  await done(2);
  expect(handled).toEqual([5, 4]);
  expect(failures).toBe(-1);
});

test('a thousand jobs added at once are each done once', async () => {
  handled.length = 0;
  behave = async () => undefined;
  const numbers = Array.from({ length: 1_000 }, (_, number) => number);
  await Promise.all(numbers.map((number) => queue.add('probe', { number })));
  await done(1_000);
  expect([...handled].sort((a, b) => a - b)).toEqual(numbers);
});

test('the server may use the queue and not change its tables', async () => {
  await expect(database.system(sql`create table jobs.x (id integer)`)).rejects.toThrow();
  await expect(database.system(sql`drop table jobs.job_common`)).rejects.toThrow();
  expect(await database.system(sql`select 1 as one`)).toEqual([{ one: 1 }]);
});

test('A6.72 with three schedulers each slot of a schedule runs once', async () => {
  const own = await cloneDatabase();
  const serverUrl = (await prepareRoles(own, 'k'.repeat(32))).server;
  const owner = new Database({ connectionString: own }, { lanes: 1, pool: 1 });
  const ran: string[] = [];
  const task = {
    name: 'probe' as const,
    cron: '* * * * *',
    run: async ({ id }: Job<'probe'>) => void ran.push(id),
  };
  let queues: Queue[] = [];
  try {
    for (let round = 0; round < 4; round++) {
      // Every scheduler looks when it starts, unless another has looked within half a minute: it has not.
      await owner.system(sql`update jobs.version set cron_on = now() - interval '1 hour'`);
      await Promise.all(queues.map((it) => it.stop()));
      queues = await Promise.all([1, 2, 3].map(() => Queue.open(serverUrl, log)));
      await Promise.all(queues.map((it) => it.start(task)));
    }
    const due = () =>
      owner.system<{ slot: string }>(
        sql`select singleton_on::text as slot from jobs.job where name like '%send-it'`,
      );
    await expect.poll(() => ran.length, { timeout: 30_000 }).toBeGreaterThan(0);
    await expect.poll(async () => (await due()).length - ran.length, { timeout: 30_000 }).toBe(0);
    const slots = (await due()).map(({ slot }) => slot);
    expect(new Set(slots).size).toBe(slots.length);
    expect(new Set(ran).size).toBe(slots.length);
  } finally {
    await Promise.all(queues.map((it) => it.stop()));
    await owner.close();
  }
}, 120_000);
