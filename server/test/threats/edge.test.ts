import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer({ requestsPerSecond: 40 });
  ann = await register(server.url);
});
afterAll(() => server.stop());

/** A request as written, past any client that would put it right; the first line of the answer. */
function raw(head: string, leave = false): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => {
      socket.write(head);
      if (leave) setTimeout(() => socket.destroy(), Math.random() * 4);
    });
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\r\n')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text.split('\r\n')[0]!));
  });
}
const get = (path: string, more = '') =>
  raw(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${more}\r\n`);
/** Limits of requests are of one second. */
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1_100));
const limited = (lines: string[]) => lines.filter((line) => line.includes(' 429 ')).length;

test.each([
  ['made-up credentials', (n: number) => get('/api/v1/files', `Authorization: Bearer x${n}\r\n`)],
  ['made-up passwords', (n: number) => get('/api/v1/files', `Authorization: Basic ${n}\r\n`)],
  ['another spelling of the address', () => get('/%61pi/v1/files')],
  ['the address with the host', () => get('http://other.example/api/v1/files')],
])('the limit of requests holds against %s', async (_name, ask) => {
  await nextSecond();
  const lines = await Promise.all(Array.from({ length: 120 }, (_, index) => ask(index)));
  expect(limited(lines)).toBeGreaterThanOrEqual(40);
});

test('an address with a host is the address without it, and never the server’s fault', async () => {
  await nextSecond();
  for (const path of ['/api/v1/auth/callback/oidc', '/api/v1/files', '/', '?x', ''])
    expect([path, await get(`http://evil.example${path}`)]).not.toEqual([
      path,
      expect.stringMatching(/ 5(?!03)\d\d /),
    ]);
  const own = new Person(server.url, ann.token);
  const { port } = new URL(server.url);
  expect((await own.get('/users/me')).status).toBe(200);
  const text = await new Promise<string>((resolve) => {
    let all = '';
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write(
        `GET http://evil.example/api/v1/workspaces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${ann.token}\r\n\r\n`,
      ),
    );
    socket.on('data', (chunk) => {
      all += chunk;
    });
    socket.on('close', () => resolve(all));
  });
  expect(text).toContain(' 200 ');
  expect(text).not.toContain('evil.example');
});

test('a host that is no host ends no socket’s server', async () => {
  for (const host of ['[', 'a b', '%', 'x:99999', '@', ''])
    await raw(
      `GET /collaboration HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
});

const timers = () => process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length;
const settled = () => new Promise((resolve) => setTimeout(resolve, 1_500));

test.each([
  ['events', () => `GET /api/v1/events/stream`],
  ['notifications', () => `GET /api/v1/notifications/stream`],
  ['GraphQL', () => `GET /api/graphql?query=subscription%7Bevents%7Bid%7D%7D`],
])(
  'readers of %s who leave at once leave nothing behind',
  async (_name, line) => {
    const before = timers();
    for (let round = 0; round < 4; round++) {
      await nextSecond();
      await Promise.all(
        Array.from({ length: 30 }, () =>
          raw(
            `${line()} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${ann.token}\r\n\r\n`,
            true,
          ),
        ),
      );
    }
    await settled();
    expect(timers()).toBeLessThanOrEqual(before + 5);
  },
  60_000,
);

test('metrics are for this machine, and a request that came through another is not from it', async () => {
  const ask = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/metrics`, { headers })).status;
  expect(await ask({})).toBe(200);
  for (const headers of [
    { 'x-forwarded-for': '203.0.113.9' },
    { forwarded: 'for=203.0.113.9' },
    { 'x-real-ip': '203.0.113.9' },
  ] as Record<string, string>[])
    expect([headers, await ask(headers)]).toEqual([headers, 403]);
});

test('git: who has a new role clones on, and who is no member any more is told so', async () => {
  const owner = await register(server.url);
  const { body } = await owner.post('/teams', 'teams', { name: 'Git' });
  const { id, attributes } = body.data;
  const inTeam = { 'kyozo-team': id };
  const made = await owner.request('/workspaces', {
    ...{ method: 'POST', headers: inTeam },
    body: { data: { type: 'workspaces', attributes: { name: 'Notes' } } },
  });
  const bob = await register(server.url);
  const [member] = await server.query<{ id: string }>(
    `insert into user_teams (id, team_id, user_id, role) values (uuidv7(), $1, $2, 'member') returning id`,
    [id, bob.id],
  );
  const { body: keyed } = await bob.request('/api-keys', {
    ...{ method: 'POST', headers: inTeam },
    body: { data: { type: 'api-keys', attributes: { name: 'k', scopes: ['read'] } } },
  });
  const clone = async (token: string) => {
    const path = `/git/${attributes.slug}/${made.body.data.attributes.slug}.git/info/refs?service=git-upload-pack`;
    const authorization = `Basic ${Buffer.from(`x:${token}`).toString('base64')}`;
    return (await fetch(server.url + path, { headers: { authorization } })).status;
  };
  const key = keyed.meta.key as string;
  expect([await clone(bob.token!), await clone(key)]).toEqual([200, 200]);
  await server.query(`update user_teams set role = 'admin' where id = $1`, [member!.id]);
  expect([await clone(bob.token!), await clone(key)]).toEqual([200, 200]);
  await server.query('delete from user_teams where id = $1', [member!.id]);
  expect([await clone(bob.token!), await clone(key)]).toEqual([404, 401]);
  await bob.post('/users/sign-out', 'users');
  expect(await clone(bob.token!)).toBe(401);
});
