import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuthDatabase } from '../../src/accounts/auth-database.ts';
import { Database, noTeam } from '../../src/database/database.ts';
import { sql } from '../../src/database/sql.ts';
import { cloneDatabase } from '../support/server.ts';

const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);
let connectionString: string;
let killer: pg.Client;
beforeEach(async () => {
  process.on('uncaughtExceptionMonitor', note);
  connectionString = await cloneDatabase();
  killer = new pg.Client({ connectionString });
  await killer.connect();
});
afterEach(async () => {
  await killer.end();
  process.off('uncaughtExceptionMonitor', note);
});

const kill = async (pid: number) => {
  await killer.query('select pg_terminate_backend($1)', [pid]);
  await sleep(100);
};

test('a connection that ends between two statements of a transaction fails that one alone', async () => {
  const database = new Database({ connectionString }, { lanes: 1, pool: 1 });
  const pid = sql`select pg_backend_pid() as pid`;
  const lost = database.transaction(noTeam, async ({ rows }) => {
    await kill((await rows<{ pid: number }>(pid))[0]!.pid);
    return rows(pid);
  });
  await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
  expect(await database.transaction(noTeam, ({ rows }) => rows(pid))).toHaveLength(1);
  await database.close();
  expect(uncaught).toEqual([]);
});

test('so does one of the auth role', async () => {
  const auth = new AuthDatabase(connectionString);
  const text = 'select pg_backend_pid() as pid';
  const lost = auth.transaction(async ({ query }) => {
    await kill((await query<{ pid: number }>(text))[0]!.pid);
    return query(text);
  });
  await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
  expect(await auth.transaction(({ query }) => query(text))).toHaveLength(1);
  await auth.close();
  expect(uncaught).toEqual([]);
});
