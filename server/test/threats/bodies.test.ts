import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let stranger: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  stranger = new Person(server.url);
});
afterAll(() => server.stop());

const jsonApi = 'application/vnd.api+json';
const json = 'application/json';
const lfs = 'application/vnd.git-lfs+json';
/** Every route that reads JSON, and how it is asked for. */
const doors = [
  { path: '/api/v1/users/sign-in', type: jsonApi },
  { path: '/api/v1/users/register', type: jsonApi },
  { path: '/api/v1/users/refresh', type: jsonApi },
  { path: '/api/v1/workspaces', type: jsonApi },
  { path: '/api/v1/operations', type: `${jsonApi};ext="https://jsonapi.org/ext/atomic"` },
  { path: '/api/graphql', type: json },
];
const large = 2 ** 20;
const shapes = {
  'arrays in arrays': '['.repeat(large),
  'objects in objects': '{"a":'.repeat(large / 5),
  'closed again': '['.repeat(large / 2) + ']'.repeat(large / 2),
  'many values': `[${'0,'.repeat(large / 2)}0]`,
};

test.each(doors)(
  'A3 $path reads at most 64 KiB of a stranger, with a length and without',
  async ({ path, type }) => {
    const headers = { 'content-type': type, accept: '*/*' };
    const body = shapes['arrays in arrays'];
    const answer = await stranger.fetch(path, { method: 'POST', headers, raw: body });
    expect(answer.status).toBe(413);
    const stream = new Blob([body]).stream();
    const init = { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit;
    expect((await fetch(server.url + path, init)).status).toBe(413);
  },
);

test.each(doors)('A3 $path builds no value of what is too deep or too much', async (door) => {
  const headers = { 'content-type': door.type, accept: '*/*' };
  for (const [name, raw] of Object.entries(shapes)) {
    const answer = await ann.fetch(door.path, { method: 'POST', headers, raw });
    expect([name, answer.status]).toEqual([name, 400]);
    const small = raw.slice(0, 60_000);
    const told = await stranger.fetch(door.path, { method: 'POST', headers, raw: small });
    expect([name, told.status]).toEqual([name, 400]);
  }
});

test('A3 the lists of Git LFS are bounded alike', async () => {
  const workspace = await ann.workspace('Large');
  const [team] = (await ann.get<{ attributes: { slug: string } }[]>('/teams')).body.data;
  const path = `/git/${team!.attributes.slug}/${workspace.attributes.slug}.git/info/lfs/objects/batch`;
  const ask = (raw: string, password?: string) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: {
        'content-type': lfs,
        ...(password && { authorization: `Basic ${btoa(`x:${password}`)}` }),
      },
      body: raw,
    });
  expect((await ask(shapes['arrays in arrays'])).status).toBe(401);
  expect((await ask(shapes['arrays in arrays'], ann.token)).status).toBe(400);
  expect((await ask('['.repeat(60_000))).status).toBe(400);
  const objects = Array.from({ length: 900 }, (_, n) => ({
    oid: String(n).padStart(64, '0'),
    size: 1,
  }));
  const answer = await ask(JSON.stringify({ operation: 'download', objects }), ann.token);
  expect(answer.status).toBe(200);
});

test('A3 a large body of somebody known is read whole, whatever quotes and brackets it holds', async () => {
  const workspace = await ann.workspace();
  const content = '\\"[{'.repeat(200_000);
  const file = await ann.file(workspace, 'large.txt', content);
  expect(await (await ann.fetch(`/files/${file.id}/content`)).text()).toBe(content);
});

test('A3 a socket of GraphQL parses no large message of a stranger, and none that is too deep', async () => {
  const url = `${server.url.replace('http', 'ws')}/api/graphql`;
  const tell = async (...messages: string[]) => {
    const socket = new WebSocket(url, 'graphql-transport-ws');
    await once(socket, 'open');
    for (const message of messages) socket.send(message);
    const [{ code }] = (await once(socket, 'close')) as [CloseEvent];
    return code;
  };
  const init = { type: 'connection_init', payload: { authorization: ann.token } };
  expect(await tell(shapes['arrays in arrays'])).toBe(4400);
  expect(await tell('['.repeat(60_000))).toBe(4400);
  expect(await tell(JSON.stringify(init), '['.repeat(60_000))).toBe(4400);
});
