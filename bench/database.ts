/**
 * One flight (the check of the credential and a tenant's read before one Sync) beside the same query
 * without security on a plain pool, and beside the naive way: BEGIN, set, query, COMMIT.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '@kyozo/resource';
import pg from 'pg';
import { Database } from '../server/src/database/database.ts';
import { prepareRoles } from '../server/src/database/migrate.ts';
import { sql } from '../server/src/database/sql.ts';
import { ownerUrlOf, startServer } from './support.ts';
import { median, type Row, row } from './table.ts';

const rounds = 5;
const reads = 4_000;
const parallel = 32;

export async function run(): Promise<Row[]> {
  const server = await startServer();
  const ownerUrl = await ownerUrlOf(server.dataDir);
  const secret = (await readFile(join(server.dataDir, 'secret-key'), 'utf8')).trim();
  const { server: serverUrl } = await prepareRoles(ownerUrl, secret);
  const database = new Database({ connectionString: serverUrl }, { lanes: 3, pool: 4 });
  const plain = new pg.Pool({ connectionString: ownerUrl, max: 10 });
  const naive = new pg.Pool({ connectionString: serverUrl, max: 10 });
  try {
    const actor = await firstActor(server.url, plain);
    const text = 'select id, name, slug from workspaces where id = $1';
    const id = actor.teamId;
    const ways: Record<string, () => Promise<unknown>> = {
      flight: () =>
        database.rows(actor, sql`select id, name, slug from workspaces where id = ${id}`),
      plain: () => plain.query({ name: 'plain', text, values: [id] }),
      naive: async () => {
        const client = await naive.connect();
        await client.query('begin');
        await client.query(`select set_config('app.team_id', $1, true)`, [actor.teamId]);
        await client.query({ name: 'naive', text, values: [id] });
        await client.query('commit');
        client.release();
      },
    };
    const rates: Record<string, number[]> = { flight: [], plain: [], naive: [] };
    for (let round = 0; round < rounds; round++) {
      for (const [name, way] of Object.entries(ways)) rates[name]!.push(await rateOf(way));
    }
    const ours = median(rates.flight!);
    return [
      row('database: tenant read, 1/s', ours, median(rates.plain!), 'no row security, plain pool'),
      row('database: tenant read, 1/s', ours, median(rates.naive!), 'BEGIN, set, query, COMMIT'),
    ];
  } finally {
    await Promise.all([database.close(), plain.end(), naive.end()]);
    await server.stop();
  }
}

async function rateOf(way: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let left = reads;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (left-- > 0) await way();
    }),
  );
  return reads / ((performance.now() - began) / 1_000);
}

async function firstActor(url: string, owner: pg.Pool): Promise<Actor> {
  const attributes = { name: 'Bench', email: 'bench@example.com', password: 'correct horse' };
  await fetch(`${url}/api/v1/users/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({ data: { type: 'users', attributes } }),
  });
  const { rows } = await owner.query<{ user_id: string; team_id: string; id: string }>(
    'select m.user_id, m.team_id, s.id from user_teams m join sessions s on s.user_id = m.user_id limit 1',
  );
  const { user_id: userId, team_id: teamId, id } = rows[0]!;
  return { userId, teamId, role: 'owner', credential: { kind: 'session', id }, scopes: ['write'] };
}
