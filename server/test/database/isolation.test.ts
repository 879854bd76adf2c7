import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
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

const roles = `('kyozo_server', 'kyozo_auth', 'kyozo_definer')`;

test('every table of a team, or that serves requests, has forced row-level security', async () => {
  const rows = await server.query<{
    name: string;
    tenant: boolean;
    secured: boolean;
    rules: number;
    served: boolean;
  }>(`
    select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as secured,
      c.relname = 'teams' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'team_id') as tenant,
      has_any_column_privilege('kyozo_server', c.oid, 'select, insert, update')
        or has_table_privilege('kyozo_server', c.oid, 'delete') as served,
      (select count(*)::integer from pg_policy p where p.polrelid = c.oid) as rules
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`);
  for (const { name, tenant, served, secured, rules } of rows)
    if (tenant || served) expect([name, secured, rules > 0]).toEqual([name, true, true]);
  expect(rows.filter(({ tenant }) => tenant).length).toBeGreaterThanOrEqual(15);
  const unserved = rows.filter(({ served }) => !served).map(({ name }) => name);
  for (const name of ['accounts', 'refresh_tokens', 'signing_keys', 'verifications', 'migrations'])
    expect(unserved).toContain(name);
});

test('no policy lets a role see every row but those of identity and of the definer', async () => {
  const open = await server.query<{ name: string; role: string }>(`
    select c.relname || '.' || p.polname as name, coalesce(r.rolname, 'public') as role
    from pg_policy p join pg_class c on c.oid = p.polrelid
    cross join lateral unnest(p.polroles) granted (oid) left join pg_roles r on r.oid = granted.oid
    where pg_get_expr(p.polqual, p.polrelid) = 'true'`);
  const identity = ['users', 'sessions', 'passkeys', 'second_factors'].map((it) => `${it}.auth`);
  const others = open.filter(
    ({ name, role }) =>
      role !== 'kyozo_definer' && !(role === 'kyozo_auth' && identity.includes(name)),
  );
  expect(others).toEqual([]);
  expect(open.find(({ name }) => name === 'users.auth')?.role).toBe('kyozo_auth');
});

test('a reference between tables of teams carries the team', async () => {
  const rows = await server.query(`
    select c.conname from pg_constraint c
    join pg_attribute own on own.attrelid = c.conrelid and own.attname = 'team_id'
    join pg_attribute other on other.attrelid = c.confrelid and other.attname = 'team_id'
    where c.contype = 'f' and not (own.attnum = any (c.conkey) and other.attnum = any (c.confkey)
      and array_position(c.conkey, own.attnum) = array_position(c.confkey, other.attnum))`);
  expect(rows).toEqual([]);
});

test('what a row without a team points at never takes a row of a team with it', async () => {
  // A cascade from a person ends in what is the person's; a team's rows go with their team only.
  const rows = await server.query<{ name: string }>(`
    select c.conname as name from pg_constraint c
    join pg_class f on f.oid = c.confrelid and f.relname = 'users'
    join pg_attribute own on own.attrelid = c.conrelid and own.attname = 'team_id'
    where c.contype = 'f' and c.confdeltype = 'c' order by 1`);
  expect(rows.map(({ name }) => name)).toEqual([
    'api_keys_user_id_fkey',
    'notifications_user_id_fkey',
    'user_teams_user_id_fkey',
  ]);
});

test("the server's roles own nothing, bypass nothing, may not truncate and change no schema", async () => {
  const rows = await server.query(`
    select rolname from pg_roles where rolname like 'kyozo%' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)`);
  expect(rows).toEqual([]);
  const owned = await server.query(`
    select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname like 'kyozo%'`);
  expect(owned).toEqual([]);
  const grants = await server.query(
    `select table_name, privilege_type, grantee from information_schema.role_table_grants
      where privilege_type in ('TRUNCATE', 'TRIGGER', 'REFERENCES') and (grantee like 'kyozo%' or grantee = 'PUBLIC')
        and table_schema = 'public'`,
  );
  expect(grants).toEqual([]);
  const created = await server.query(
    `select rolname from pg_roles where rolname in ${roles} and has_schema_privilege(oid, 'public', 'create')`,
  );
  expect(created).toEqual([]);
  const public_ = await server.query(
    `select table_name from information_schema.role_table_grants where grantee = 'PUBLIC' and table_schema = 'public'`,
  );
  expect(public_).toEqual([]);
});

test('a function with more rights is the definer’s, names its schema, and is nobody’s by default', async () => {
  const functions = await server.query<{
    name: string;
    owner: string;
    config: string[] | null;
    open: boolean;
  }>(`
    select p.oid::regprocedure::text as name, r.rolname as owner, p.proconfig as config,
      has_function_privilege('public', p.oid, 'execute') as open
    from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.pronamespace = 'public'::regnamespace and p.prosecdef`);
  expect(functions.length).toBeGreaterThanOrEqual(12);
  for (const { name, owner, config, open } of functions)
    expect([name, owner, config, open]).toEqual([
      name,
      'kyozo_definer',
      ['search_path=public, pg_temp'],
      false,
    ]);
});

test('there is no view that would bypass the policies', async () => {
  const rows = await server.query(`
    select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and (c.relkind = 'm' or (c.relkind = 'v' and not coalesce('security_invoker=true' = any (c.reloptions), false)))`);
  expect(rows).toEqual([]);
});

test('settings are of one transaction only, wherever our code makes one', async () => {
  const folders = ['../../src', '../../migrations'].map((path) => join(import.meta.dirname, path));
  const files = (
    await Promise.all(
      folders.map(async (folder) =>
        (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
      ),
    )
  )
    .flat()
    .filter((path) => /\.(ts|sql)$/.test(path));
  let calls = 0;
  for (const path of files) {
    const text = await readFile(path, 'utf8');
    for (const [call, last] of text.matchAll(/set_config\([^;]*?, *(true|false)\)/g)) {
      expect([path, call, last]).toEqual([path, call, 'true']);
      calls += 1;
    }
    // A plain SET of ours would outlive its transaction on a connection that others use.
    expect([path, /\bset +(session +)?app\./i.test(text)]).toEqual([path, false]);
  }
  expect(calls).toBeGreaterThanOrEqual(5);
});

test('no connection keeps a team or a person when it is given back', async () => {
  const [actor] = actors as [Actor];
  const left = () =>
    database.system<{ team: string; person: string; credential: string }>(
      sql`select coalesce(current_setting('app.team_id', true), '') as team,
        coalesce(current_setting('app.user_id', true), '') as person,
        coalesce(current_setting('app.credential', true), '') as credential`,
    );
  const nothing = [{ team: '', person: '', credential: '' }];
  for (let index = 0; index < 100; index++) {
    const work = [
      database.rows(actor, sql`select 1`),
      database.rows(actor, sql`select 1 / 0`).catch(() => undefined),
      database
        .transaction(actor, async () => {
          if (index % 2) throw new Error('no');
        })
        .catch(() => undefined),
    ];
    const during = [left(), left(), left()];
    await Promise.all(work);
    for (const state of [...(await Promise.all(during)), await left()])
      expect(state).toEqual(nothing);
  }
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
