import type { Actor } from '@kyozo/resource';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { prepareRoles } from '../../src/database/migrate.ts';
import { sql } from '../../src/database/sql.ts';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let database: Database;
const actors: Actor[] = [];

beforeAll(async () => {
  server = await startServer();
  const urls = await prepareRoles(server.databaseUrl, server.config.secretKey);
  database = new Database({ connectionString: urls.server }, { lanes: 3, pool: 2 });
  for (let index = 0; index < 8; index++) {
    const person = await register(server.url, `Person ${index}`);
    await person.workspace(`Workspace of ${index}`);
    actors.push(await actorOf(person));
  }
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

async function actorOf(person: Person): Promise<Actor> {
  const [row] = await server.query<{ team_id: string; session_id: string }>(
    'select m.team_id, s.id as session_id from user_teams m join sessions s on s.user_id = m.user_id where m.user_id = $1',
    [person.id],
  );
  return {
    userId: person.id,
    teamId: row!.team_id,
    role: 'owner',
    credential: { kind: 'session', id: row!.session_id },
    scopes: ['write'],
  };
}

test('every table with a team has forced row-level security', async () => {
  const rows = await server.query<{ relname: string }>(`
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id'
    where c.relkind = 'r' and not (c.relrowsecurity and c.relforcerowsecurity)`);
  expect(rows).toEqual([]);
  const [{ count }] = (await server.query<{ count: string }>(
    `select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id' where c.relkind = 'r'`,
  )) as [{ count: string }];
  expect(Number(count)).toBeGreaterThanOrEqual(12);
});

test('a reference between tables of teams carries the team', async () => {
  const rows = await server.query(`
    select c.conname from pg_constraint c
    join pg_attribute own on own.attrelid = c.conrelid and own.attname = 'team_id'
    join pg_attribute other on other.attrelid = c.confrelid and other.attname = 'team_id'
    where c.contype = 'f' and not (own.attnum = any (c.conkey))`);
  expect(rows).toEqual([]);
});

test("the server's roles own nothing, bypass nothing and may not truncate", async () => {
  const rows = await server.query(`
    select rolname from pg_roles where rolname like 'kyozo%' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)`);
  expect(rows).toEqual([]);
  const owned = await server.query(`
    select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname like 'kyozo%'`);
  expect(owned).toEqual([]);
  const truncate = await server.query(
    `select table_name from information_schema.role_table_grants where privilege_type = 'TRUNCATE' and grantee like 'kyozo%'`,
  );
  expect(truncate).toEqual([]);
});

test('there is no view that would bypass the policies', async () => {
  const rows = await server.query(`
    select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and (c.relkind = 'm' or (c.relkind = 'v' and not coalesce('security_invoker=true' = any (c.reloptions), false)))`);
  expect(rows).toEqual([]);
});

test('without a team nothing is seen, and nothing fails', async () => {
  expect(await database.system(sql`select id from workspaces`)).toEqual([]);
  expect(await database.system(sql`select set_config('app.team_id', '', true)`)).toHaveLength(1);
  expect(await database.system(sql`select id from workspaces`)).toEqual([]);
});

test('4,000 mixed units on shared connections, a fifth of them failing, never see another team', async () => {
  let refused = 0;
  const unit = async (index: number) => {
    const actor = actors[index % actors.length]!;
    if (index % 5 === 4) {
      // Fails after `enter` has set the team: the setting must go with the unit.
      await database.rows(actor, sql`select 1 / (${index} - ${index})::integer`).catch(() => {
        refused += 1;
      });
      return;
    }
    const rows = await database.rows<{ team_id: string }>(
      actor,
      sql`select team_id from workspaces`,
    );
    expect(rows.map((row) => row.team_id)).toEqual([actor.teamId]);
  };
  for (let start = 0; start < 4_000; start += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, offset) => unit(start + offset)));
    expect(await database.system(sql`select id from workspaces`)).toEqual([]);
  }
  expect(refused).toBe(800);
});

test('a unit whose person is no member, or has another role, does nothing', async () => {
  const [mine, theirs] = actors as [Actor, Actor];
  const insert = (actor: Actor) =>
    database.rows(
      actor,
      sql`insert into workspaces (id, team_id, name, slug) values (gen_random_uuid(), ${actor.teamId}, 'x', 'x-leak')`,
    );
  await expect(insert({ ...mine, teamId: theirs.teamId })).rejects.toMatchObject({
    code: 'unauthenticated',
  });
  await expect(insert({ ...mine, role: 'member' })).rejects.toMatchObject({
    code: 'unauthenticated',
  });
  await expect(
    insert({ ...mine, credential: { kind: 'session', id: theirs.credential.id } }),
  ).rejects.toMatchObject({ code: 'unauthenticated' });
  expect(await server.query(`select id from workspaces where slug = 'x-leak'`)).toEqual([]);
});

test("another team's row cannot be referenced or written", async () => {
  const [mine, theirs] = actors as [Actor, Actor];
  const [workspace] = await database.rows<{ id: string }>(theirs, sql`select id from workspaces`);
  const insert = (teamId: string) =>
    database.rows(
      mine,
      sql`insert into files (id, team_id, workspace_id, path, folded_path, name)
      values (gen_random_uuid(), ${teamId}, ${workspace!.id}, 'a', 'a', 'a')`,
    );
  await expect(insert(mine.teamId)).rejects.toMatchObject({ code: 'not_found' });
  await expect(insert(theirs.teamId)).rejects.toThrow();
  expect(await server.query('select id from files')).toHaveLength(0);
});

test('events cannot be changed, not even by their owner', async () => {
  await expect(server.query(`update events set name = 'x'`)).rejects.toThrow('immutable');
  await expect(database.rows(actors[0]!, sql`delete from events`)).rejects.toThrow();
});

test('a transaction that fails leaves nothing and its connection knows no team', async () => {
  const [mine] = actors as [Actor];
  await expect(
    database.transaction(mine, async (transaction) => {
      await transaction.rows(
        sql`insert into workspaces (id, team_id, name, slug) values (gen_random_uuid(), ${mine.teamId}, 'x', 'gone')`,
      );
      throw new Error('stop');
    }),
  ).rejects.toThrow('stop');
  expect(await server.query(`select id from workspaces where slug = 'gone'`)).toEqual([]);
});
