import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authenticator, createKey } from '../../src/accounts/authenticate.ts';
import { Tokens } from '../../src/accounts/tokens.ts';
import { Database } from '../../src/database/database.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());

const make = (attributes: object, by = ann) => by.post('/api-keys', 'api-keys', attributes);
const withKey = (key: unknown) => new Person(server.url, key as string);

test('a key is shown once and only its hash is kept', async () => {
  const { status, body } = await make({ name: 'deploy', scopes: ['read'] });
  expect(status).toBe(201);
  const key = body.meta.key as string;
  expect(key.startsWith(body.data.attributes.start as string)).toBe(true);
  const again = await ann.get(`/api-keys/${body.data.id}`);
  expect(JSON.stringify([body.data, again.body])).not.toContain(key.slice(12));
  const [row] = await server.query<{ hash: Buffer; all: string }>(
    'select hash, to_jsonb(k)::text as all from api_keys k where id = $1',
    [body.data.id],
  );
  expect(row!.hash).toEqual(createHash('sha256').update(key).digest());
  expect(row!.all).not.toContain(key.slice(12));
  const events = await server.query<{ state: string }>('select state::text from events');
  expect(events.map(({ state }) => state).join()).not.toContain(key.slice(12));
});

describe('scopes', () => {
  test.each<[string[], number, number]>([
    [['read'], 200, 403],
    [['write'], 200, 201],
    [['workspaces:read'], 200, 403],
    [['workspaces:write'], 200, 201],
    [['files:write'], 403, 403],
  ])('%j reads workspaces: %i, makes one: %i', async (scopes, read, write) => {
    const program = await ann.key(...scopes);
    expect((await program.get('/workspaces')).status).toBe(read);
    expect((await program.get(`/workspaces/${workspace.id}`)).status).toBe(read);
    const made = await program.post('/workspaces', 'workspaces', { name: `W ${scopes}` });
    expect(made.status).toBe(write);
  });

  test('a reading key changes nothing by any verb', async () => {
    const file = await ann.file(workspace, 'kept.md', 'kept\n');
    const program = await ann.key('read');
    const before = await server.query('select count(*) from events');
    const tries = [
      program.patch(`/files/${file.id}`, file, { path: 'moved.md' }),
      program.delete(`/files/${file.id}`),
      program.post(`/files/${file.id}/restore`, 'files', { version: 1 }),
      program.post(`/files/${file.id}/versions`, 'file-versions'),
      program.request(`/files/${file.id}/content`, { method: 'PUT', raw: 'x' }),
      program.post(`/workspaces/${workspace.id}/archive`, 'workspaces'),
      program.request(`/workspaces/${workspace.id}/archive`, { method: 'DELETE' }),
      program.post('/users/sign-out', 'users'),
      program.post('/teams', 'teams', { name: 'x' }),
      make({ name: 'more', scopes: ['read'] }, program),
    ];
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses).toEqual(Array(10).fill(403));
    expect(await server.query('select count(*) from events')).toEqual(before);
  });

  test('a key gives no more than it has', async () => {
    const program = await ann.key('api-keys:write', 'files:write', 'workspaces:read');
    const status = async (...scopes: string[]) =>
      (await make({ name: 'x', scopes }, program)).status;
    expect(await status('files:write', 'files:read', 'workspaces:read')).toBe(201);
    expect(await status('workspaces:write')).toBe(403);
    expect(await status('read')).toBe(403);
    expect(await status('write')).toBe(403);
  });

  test.each<unknown>([
    [[]],
    [['admin']],
    [['nope:read']],
    [['files:']],
    [['files:read:write']],
    [['__proto__:read']],
    ['read'],
    [[['read']]],
  ])('%j is refused with a pointer', async (scopes) => {
    const { status, body } = await make({ name: 'x', scopes });
    expect(status).toBe(422);
    expect(body.errors[0]!.source).toEqual({ pointer: '/data/attributes/scopes' });
  });
});

test('a revoked key is refused at once, also where it has just been used', async () => {
  const { body } = await make({ name: 'x', scopes: ['write'] });
  const program = withKey(body.meta.key);
  expect((await program.get('/workspaces')).status).toBe(200);
  expect((await ann.delete(`/api-keys/${body.data.id}`)).status).toBe(204);
  expect((await program.get('/workspaces')).status).toBe(401);
  expect((await program.post('/workspaces', 'workspaces', { name: 'x' })).status).toBe(401);
});

test('a key can revoke itself, and that is the last thing it does', async () => {
  const { body } = await make({ name: 'x', scopes: ['write'] });
  const program = withKey(body.meta.key);
  expect((await program.delete(`/api-keys/${body.data.id}`)).status).toBe(204);
  expect((await program.get('/workspaces')).status).toBe(401);
});

test('a key ends with its time', async () => {
  const past = await make({ name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' });
  expect((await withKey(past.body.meta.key).get('/files')).status).toBe(401);
  const future = await make({ name: 'x', scopes: ['read'], expiresAt: '2099-01-01T00:00:00Z' });
  const program = withKey(future.body.meta.key);
  expect((await program.get('/files')).status).toBe(200);
  await server.query(`update api_keys set expires_at = now() - interval '1 second' where id = $1`, [
    future.body.data.id,
  ]);
  expect((await program.get('/files')).status).toBe(401);
});

test('a mistyped key costs no query: it is refused where no database is', async () => {
  const pool = new pg.Pool({ connectionString: server.databaseUrl });
  const tokens = await Tokens.open(pool, server.config.secretKey, { access: 60, refresh: 60 });
  const nowhere = new Database(
    { connectionString: 'postgres://x@127.0.0.1:1/x' },
    { lanes: 1, pool: 1 },
  );
  const authenticator = new Authenticator(nowhere, tokens);
  const { key } = createKey();
  await expect(authenticator.resolve(key)).rejects.toMatchObject({ code: 'unavailable' });
  for (let at = 0; at < key.length; at++) {
    const typo = key.slice(0, at) + (key[at] === 'a' ? 'b' : 'a') + key.slice(at + 1);
    expect(await authenticator.resolve(typo)).toBeUndefined();
  }
  await nowhere.close();
  await pool.end();
});

test('a made-up key with a good checksum is just wrong', async () => {
  expect((await withKey(createKey().key).get('/files')).status).toBe(401);
});

test('a key acts in its own team only', async () => {
  const team = await ann.post('/teams', 'teams', { name: 'Second' });
  const program = await ann.key('write');
  const answer = await program.get('/workspaces', { 'kyozo-team': team.body.data.id });
  expect(answer.status).toBe(401);
});

test("a member sees and revokes own keys only; an owner all of the team's", async () => {
  const bob = await register(server.url, 'Bob');
  const team = (await ann.post('/teams', 'teams', { name: 'Shared' })).body.data.id;
  await server.query(
    `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
    [team, bob.id],
  );
  const inTeam = { 'kyozo-team': team };
  const create = (person: Person, name: string) =>
    person.request('/api-keys', {
      method: 'POST',
      headers: inTeam,
      body: { data: { type: 'api-keys', attributes: { name, scopes: ['read'] } } },
    });
  const anns = (await create(ann, 'anns')).body.data;
  const bobs = (await create(bob, 'bobs')).body.data;
  const names = async (person: Person) =>
    (await person.get<RecordObject[]>('/api-keys?sort=name', inTeam)).body.data.map(
      (key) => key.attributes.name,
    );
  expect(await names(ann)).toEqual(['anns', 'bobs']);
  expect(await names(bob)).toEqual(['bobs']);
  const remove = async (person: Person, key: RecordObject) =>
    (await person.request(`/api-keys/${key.id}`, { method: 'DELETE', headers: inTeam })).status;
  expect(await remove(bob, anns)).toBe(404);
  expect(await remove(ann, bobs)).toBe(204);
});
