import { afterAll, beforeAll, expect, test } from 'vitest';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function signIn(email: string, userAgent: string): Promise<Person> {
  const answer = await new Person(server.url).request('/users/sign-in', {
    method: 'POST',
    headers: { 'user-agent': userAgent },
    body: { data: { attributes: { email, password: 'correct horse battery' } } },
  });
  const { accessToken, refreshToken } = answer.body.meta as Record<string, string>;
  return new Person(server.url, accessToken, { id: answer.body.data.id, refreshToken });
}
const sessionsOf = async (person: Person) =>
  (await person.get<RecordObject[]>('/sessions')).body.data;
const me = async (person: Person) => (await person.get('/users/me')).status;

test('a person sees where they are signed in, and which of it is here', async () => {
  const ann = await register(server.url);
  const phone = await signIn(ann.email, 'Phone\u00e9/1.0'.repeat(100).slice(0, 700));
  await register(server.url, 'Bob');
  const list = await sessionsOf(phone);
  expect(list).toHaveLength(2);
  const [here, there] = list;
  expect(here!.attributes).toEqual({
    ipAddress: '127.0.0.1',
    userAgent: expect.stringContaining('Phone'),
    current: true,
    insertedAt: expect.any(String),
    lastUsedAt: expect.any(String),
    expiresAt: expect.any(String),
  });
  expect((here!.attributes.userAgent as string).length).toBe(500);
  expect(there!.attributes.current).toBe(false);
  expect((await sessionsOf(ann)).map(({ attributes }) => attributes.current)).toEqual([
    false,
    true,
  ]);
  const graph = await phone.graphql<{ sessions: { edges: { node: { current: boolean } }[] } }>(
    '{ sessions { edges { node { current } } } }',
  );
  expect(graph.data.sessions.edges.map(({ node }) => node.current)).toEqual([true, false]);
});

test('ending one ends its access and refresh token at once, and no other', async () => {
  const ann = await register(server.url);
  const phone = await signIn(ann.email, 'Phone');
  const there = (await sessionsOf(ann)).find(({ attributes }) => !attributes.current)!;
  expect((await ann.delete(`/sessions/${there.id}`)).status).toBe(204);
  expect([await me(phone), await me(ann)]).toEqual([401, 200]);
  const refresh = { refreshToken: phone.refreshToken };
  expect((await phone.post('/users/refresh', 'users', refresh)).status).toBe(401);
  expect((await ann.delete(`/sessions/${there.id}`)).status).toBe(404);
});

test('all others are ended at once', async () => {
  const ann = await register(server.url);
  const others = await Promise.all(['a', 'b', 'c'].map((name) => signIn(ann.email, name)));
  expect((await ann.post('/sessions/revoke-others', 'sessions')).status).toBe(204);
  expect(await Promise.all(others.map(me))).toEqual([401, 401, 401]);
  expect(await sessionsOf(ann)).toHaveLength(1);
});

test('nobody sees or ends another’s; a key ends none; what is kept inside is shown nowhere', async () => {
  const ann = await register(server.url);
  const bob = await register(server.url);
  const [own] = await sessionsOf(ann);
  expect((await bob.get(`/sessions/${own!.id}`)).status).toBe(404);
  expect((await bob.delete(`/sessions/${own!.id}`)).status).toBe(404);
  expect((await bob.get<RecordObject[]>(`/sessions?filter[id]=${own!.id}`)).body.data).toEqual([]);
  const program = await ann.key('write');
  expect((await program.delete(`/sessions/${own!.id}`)).status).toBe(403);
  expect((await program.post('/sessions/revoke-others', 'sessions')).status).toBe(403);
  expect((await new Person(server.url).get('/sessions')).status).toBe(401);
  const [row] = await server.query<{ token: string }>('select token from sessions where id = $1', [
    own!.id,
  ]);
  const shown = JSON.stringify(await ann.get('/sessions?include=user'));
  expect(shown).not.toContain(row!.token);
  expect(await me(ann)).toBe(200);
});
