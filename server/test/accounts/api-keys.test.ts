import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthDatabase } from '../../src/accounts/auth-database.ts';
import { Authenticator, createKey } from '../../src/accounts/authenticate.ts';
import { SigningKeys } from '../../src/accounts/signing-keys.ts';
import { Tokens } from '../../src/accounts/tokens.ts';
import { Database } from '../../src/database/database.ts';
import { open, until } from '../collaboration/editor.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Acting, eventsOf, join, membership, teamOf } from './members.ts';

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

  test('a key looks through no relationship at what it may not read', async () => {
    const reader = await ann.key('files:read');
    const name = { name: { starts_with: 'D' } };
    const direct = await reader.get('/files?filter[workspace][name][starts_with]=D');
    const hidden = await reader.get(
      '/files?filter[not][or][0][workspace][name]=D&page[count]=true',
    );
    expect([direct.status, hidden.status]).toEqual([403, 403]);
    const { errors } = await reader.graphql(
      'query ($filter: FileFilter) { files(filter: $filter) { totalCount } }',
      { filter: { workspace: name } },
    );
    expect(errors![0]).toMatchObject({ extensions: { code: 'forbidden' } });
    const both = await ann.key('files:read', 'workspaces:read');
    expect((await both.get('/files?filter[workspace][name]=D')).status).toBe(200);
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
  const auth = new AuthDatabase(server.databaseUrl);
  const keys = await SigningKeys.open(auth, server.config.secretKey);
  const tokens = new Tokens(auth, { access: 60, refresh: 60 }, keys, {
    tell: async () => undefined,
  });
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
  await auth.close();
});

test('a made-up key with a good checksum is just wrong', async () => {
  expect((await withKey(createKey().key).get('/files')).status).toBe(401);
});

test('a key acts in its own team only', async () => {
  const team = await ann.post('/teams', 'teams', { name: 'Second' });
  const program = await ann.key('write');
  const answer = await program.get('/workspaces', { 'kyozo-team': team.body.data.id });
  expect([answer.status, answer.body.errors[0]!.code]).toEqual([403, 'not_a_member']);
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

describe("a team's key", () => {
  let team: Acting;
  let admin: Acting;
  let member: Acting;
  beforeAll(async () => {
    team = await teamOf(ann, 'Keys');
    admin = await join(team, 'admin');
    member = await join(team, 'member');
  });
  const ofTeam = (by: Acting, attributes: object = {}) =>
    make({ name: 'robot', scopes: ['write'], owner: 'team', ...attributes }, by);

  test('is made by owners and admins, and acts as no more than they', async () => {
    expect((await ofTeam(member)).status).toBe(403);
    expect((await ofTeam(admin, { role: 'owner' })).status).toBe(403);
    expect((await ofTeam(admin, { role: 'admin' })).status).toBe(201);
    expect((await ofTeam(team, { role: 'owner' })).status).toBe(201);
    expect((await ofTeam(team, { role: 'chief' })).status).toBe(422);
    const own = await make({ name: 'x', scopes: ['read'], role: 'admin' }, admin);
    expect([own.status, own.body.errors[0]!.source]).toEqual([
      422,
      { pointer: '/data/attributes/role' },
    ]);
    const { body } = await ofTeam(admin);
    expect(body.data.attributes).toMatchObject({ owner: 'team', role: 'member' });
    expect(body.data.relationships.user!.data).toBeNull();
    const program = withKey(body.meta.key);
    expect(
      (await program.post('/api-keys', 'api-keys', { name: 'x', scopes: ['read'] })).status,
    ).toBe(403);
    expect((await ofTeam(program as Acting)).status).toBe(403);
    expect((await member.get(`/api-keys/${body.data.id}`)).status).toBe(404);
    expect((await admin.get(`/api-keys/${body.data.id}`)).status).toBe(200);
    expect((await member.delete(`/api-keys/${body.data.id}`)).status).toBe(404);
    expect((await admin.delete(`/api-keys/${body.data.id}`)).status).toBe(204);
    expect((await program.get('/workspaces')).status).toBe(401);
  });

  test('acts as nobody, is named in the log, and outlives who made it', async () => {
    const maker = await join(team, 'admin');
    const { body } = await ofTeam(maker, { role: 'admin' });
    const program = withKey(body.meta.key);
    expect((await team.delete(`/user-teams/${(await membership(team, maker)).id}`)).status).toBe(
      204,
    );
    expect((await maker.get('/workspaces')).status).toBe(403);
    const made = await program.workspace('Robotic');
    const [event] = await server.query(
      'select user_id, credential_id from events where record_id = $1',
      [made.id],
    );
    expect(event).toEqual({ user_id: null, credential_id: body.data.id });
    const file = await program.file(made, 'n.md', '# N\n\n```bash\necho hi\n```\n');
    const versions = await program.get<RecordObject[]>(`/files/${file.id}/versions`);
    expect(versions.body.data[0]!.attributes.authors).toEqual([
      { name: 'robot', email: 'key@localhost' },
    ]);
    const tasks = await program.get<RecordObject[]>('/tasks');
    const run = await program.post(`/tasks/${tasks.body.data[0]!.id}/runs`, 'task-runs');
    expect([run.status, run.body.data.relationships.user!.data]).toEqual([202, null]);
    await (await program.fetch(`/task-runs/${run.body.data.id}/outputs/stream`)).text();
    // What is a person's own is not the key's.
    expect((await program.get('/users/me')).status).toBe(404);
    for (const type of ['notifications', 'notification-preferences'])
      expect((await program.get(`/${type}`)).body.data).toEqual([]);
    const refused = [
      program.post('/teams', 'teams', { name: 'x' }),
      program.post('/users/sign-out', 'users'),
      program.post(`/teams/${team.team}/transfer`, 'teams', { userId: member.id }),
      program.post('/invitations/accept', 'invitations', { token: 'x' }),
    ];
    for (const answer of await Promise.all(refused)) expect(answer.status).toBe(403);
    const editor = await open(server.url, program.token, file.id);
    expect([editor.refused, editor.text]).toEqual([undefined, 'N\necho hi']);
    editor.type('typed');
    await until(() => editor.isSaved);
    editor.leave();
    const invited = await program.post('/invitations', 'invitations', {
      email: 'robot@example.com',
      role: 'member',
    });
    expect([invited.status, invited.body.data.relationships.inviter!.data]).toEqual([201, null]);
    expect(await eventsOf(server, team.team)).toContain('invitation.created');
  });

  test('reaches no other team, also where its maker is a member', async () => {
    const other = await teamOf(ann, 'Other');
    const workspace = await other.workspace();
    const file = await other.file(workspace, 'a.md', 'x');
    const { body } = await ofTeam(team, { role: 'owner' });
    const program = withKey(body.meta.key);
    expect((await program.get(`/workspaces/${workspace.id}`)).status).toBe(404);
    const refused = await program.get('/workspaces', { 'kyozo-team': other.team });
    expect([refused.status, refused.body.errors[0]!.code]).toEqual([403, 'not_a_member']);
    const teams = await program.get<RecordObject[]>('/teams');
    expect(teams.body.data.map(({ id }) => id)).toEqual([team.team]);
    const editor = await open(server.url, program.token, file.id);
    expect(editor.refused).toBe('permission-denied');
    editor.leave();
  });
});

test('its last use is known, at most a minute late, and written no more than once a minute', async () => {
  const { body } = await make({ name: 'x', scopes: ['read'] });
  const program = withKey(body.meta.key);
  const lastUse = async () =>
    (await ann.get(`/api-keys/${body.data.id}`)).body.data.attributes.lastUsedAt as string | null;
  expect(await lastUse()).toBeNull();
  await program.get('/workspaces');
  await until(async () => (await lastUse()) !== null);
  const first = await lastUse();
  const version = () => server.query('select xmin from api_keys where id = $1', [body.data.id]);
  const before = await version();
  for (let use = 0; use < 20; use++) await program.get('/workspaces');
  expect(await version()).toEqual(before);
  expect(await lastUse()).toBe(first);
  // Another node that has just seen it writes nothing either.
  await server.query('select touch_key($1)', [body.data.id]);
  expect(await version()).toEqual(before);
  await server.query(
    `update api_keys set last_used_at = now() - interval '1 minute' where id = $1`,
    [body.data.id],
  );
  await server.query('select touch_key($1)', [body.data.id]);
  expect(Date.now() - Date.parse((await lastUse())!)).toBeLessThan(30_000);
});

describe('each scope on each family of routes', () => {
  const text = '# F\n\n```bash\necho hi\n```\n';
  let file: RecordObject;
  let run: RecordObject;
  let git: string;
  beforeAll(async () => {
    file = await ann.file(workspace, 'family.md', text);
    const tasks = await ann.get<RecordObject[]>('/tasks');
    run = (await ann.post(`/tasks/${tasks.body.data[0]!.id}/runs`, 'task-runs')).body.data;
    await (await ann.fetch(`/task-runs/${run.id}/outputs/stream`)).text();
    const teams = await ann.get<RecordObject[]>('/teams?filter[personal]=true');
    git = `${server.url}/git/${teams.body.data[0]!.attributes.slug}/${workspace.attributes.slug}.git`;
  });

  /** What a program gets of each family: may it read, may it write. */
  async function reach(program: Person): Promise<Record<string, boolean>> {
    const basic = {
      authorization: `Basic ${Buffer.from(`x:${program.token}`).toString('base64')}`,
    };
    const service = async (name: string) =>
      (await fetch(`${git}/info/refs?service=${name}`, { headers: basic })).status === 200;
    const opens = async (path: string) => {
      const response = await program.fetch(path);
      await response.body?.cancel();
      return response.status === 200;
    };
    const list = await program.graphql<{ files: object | null } | null>(
      '{ files(first: 1) { edges { node { id } } } }',
    );
    const mutation = await program.graphql<{ updateFile: { errors: object[] } }>(
      `mutation { updateFile(id: "${file.id}", input: { metadata: {} }) { errors { code } } }`,
    );
    const editor = await open(server.url, program.token, file.id);
    const joined = editor.refused === undefined;
    if (joined) editor.type('word');
    if (joined) await until(() => editor.isSaved || editor.provider.authorizedScope === 'readonly');
    const types = joined && editor.provider.authorizedScope === 'read-write';
    editor.leave();
    const put = { method: 'PUT', raw: text, headers: { 'content-type': 'text/markdown' } };
    return {
      'json:api reads': (await program.get(`/files/${file.id}`)).status === 200,
      'json:api writes':
        (await program.patch(`/files/${file.id}`, file, { metadata: {} })).status === 200,
      'graphql reads': !list.errors && list.data !== null,
      'graphql writes': mutation.data.updateFile.errors.length === 0,
      'content reads': await opens(`/files/${file.id}/content`),
      'content writes': (await program.fetch(`/files/${file.id}/content`, put)).status === 200,
      'events stream': await opens('/events/stream'),
      'outputs stream': await opens(`/task-runs/${run.id}/outputs/stream`),
      'notifications stream': await opens('/notifications/stream'),
      'git clones': await service('git-upload-pack'),
      'git pushes': await service('git-receive-pack'),
      'live reads': joined,
      'live writes': types,
    };
  }
  const families =
    (...names: string[]) =>
    (all: Record<string, boolean>) =>
      Object.fromEntries(Object.keys(all).map((name) => [name, names.includes(name)]));
  const reads = ['json:api reads', 'graphql reads', 'content reads', 'git clones', 'live reads'];
  const streamed = ['events stream', 'outputs stream', 'notifications stream'];
  const writes = [
    ...['json:api writes', 'graphql writes', 'content writes'],
    ...['git pushes', 'live writes'],
  ];

  test.each<[string[], string[]]>([
    [['read'], [...reads, ...streamed]],
    [['write'], [...reads, ...streamed, ...writes]],
    [['files:read'], reads],
    [['files:write'], [...reads, ...writes]],
    [['events:read'], ['events stream']],
    [['notifications:read'], ['notifications stream']],
    [['task-runs:read', 'task-run-outputs:read'], ['outputs stream']],
    [['workspaces:write'], []],
  ])('%j', async (scopes, expected) => {
    const found = await reach(await ann.key(...scopes));
    expect(found).toEqual(families(...expected)(found));
    const team = await make({ name: 'x', scopes, owner: 'team', role: 'owner' });
    const ofTeam = await reach(withKey(team.body.meta.key));
    expect(ofTeam).toEqual(families(...expected)(ofTeam));
  });
});
