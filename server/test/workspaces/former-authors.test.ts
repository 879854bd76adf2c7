import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url, 'Ann');
  bob = await register(server.url, 'Bob');
});
afterAll(() => server.stop());

test('13.A10 the address of a deleted person is in no version, blame, branch, commit or event', async () => {
  const workspace = await ann.workspace();
  const [{ team_id: team }] = (await server.query<{ team_id: string }>(
    'select team_id from workspaces where id = $1',
    [workspace.id],
  )) as [{ team_id: string }];
  await server.query(
    `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
    [team, bob.id],
  );
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  const body = {
    data: { type: 'files', attributes: { path: 'a.md', content: 'a\n' }, relationships },
  };
  const headers = { 'kyozo-team': team };
  const made = await bob.request('/files', { method: 'POST', body, headers });
  expect(made.status).toBe(201);
  const id = made.body.data.id;
  const places = [
    `/files/${id}/versions`,
    `/files/${id}/blame`,
    `/workspaces/${workspace.id}/commits`,
    `/workspaces/${workspace.id}/branches`,
    '/events?page[limit]=100&sort=-occurredAt',
  ];
  const look = async () => {
    const texts: string[] = [];
    for (const path of places) {
      const { status, body } = await ann.get<RecordObject[]>(path);
      expect([path, status]).toEqual([path, 200]);
      texts.push(JSON.stringify(body.data ?? body));
    }
    const query =
      '{ fileVersions { edges { node { authors } } } events { edges { node { data } } } }';
    const asked = {
      method: 'POST',
      body: { query },
      headers: { 'content-type': 'application/json' },
    };
    return [...texts, JSON.stringify((await ann.request('/api/graphql', asked)).body)];
  };
  for (const text of await look()) expect(text).toContain(bob.email);
  await server.query('select delete_person($1)', [bob.id]);
  for (const text of await look()) expect(text).not.toContain(bob.email);
  const versions = await ann.get<RecordObject[]>(places[0]!);
  expect(versions.body.data[0]!.attributes.authors).toEqual([{ name: 'Bob', email: '' }]);
});
