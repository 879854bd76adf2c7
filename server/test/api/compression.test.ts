import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ada: Person;
let script: string;
let workspaceId: string;

beforeAll(async () => {
  server = await startServer();
  ada = await register(server.url, 'Ada');
  const page = (await ask('/', {})).body.toString();
  script = /src="(\/assets\/[^"]+\.js)"/.exec(page)![1]!;
  const workspace = await ada.workspace('Many');
  workspaceId = workspace.id;
  for (let n = 0; n < 20; n++) await ada.file(workspace, `File ${n}.md`, '# Text\n');
});
afterAll(() => server.stop());

type Raw = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
};

/** Sends a request and takes the bytes as they come: `fetch` would decompress them. */
function ask(path: string, headers: Record<string, string>, method = 'GET', body?: string) {
  return new Promise<Raw>((resolve, reject) => {
    const sent = request(server.url + path, { method, headers }, async (response) => {
      const body = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode!, headers: response.headers, body });
    });
    sent.once('error', reject).end(body);
  });
}
const asAda = (headers: Record<string, string> = {}) => ({
  authorization: `Bearer ${ada.token}`,
  ...headers,
});

test('13.B4 the app is sent in brotli or gzip, as the client prefers', async () => {
  const plain = await ask(script, {});
  const brotli = await ask(script, { 'accept-encoding': 'gzip, deflate, br' });
  const gzip = await ask(script, { 'accept-encoding': 'br;q=0.5, gzip;q=0.8' });
  expect(plain.headers['content-encoding']).toBe(undefined);
  expect([brotli.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual([
    'br',
    'gzip',
  ]);
  expect(brotliDecompressSync(brotli.body).equals(plain.body)).toBe(true);
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
  expect(brotli.body.length).toBeLessThan(plain.body.length / 2);
  for (const answer of [plain, brotli, gzip]) {
    expect(answer.headers.vary).toMatch(/accept-encoding/i);
    expect(answer.headers['content-type']).toMatch(/javascript/);
    expect(answer.headers['cache-control']).toContain('immutable');
  }
  const tags = [plain, brotli, gzip].map(({ headers }) => headers.etag);
  expect(new Set(tags).size).toBe(3);
  const none = await ask(script, { 'accept-encoding': 'br;q=0, gzip;q=0' });
  expect(none.headers['content-encoding']).toBe(undefined);
});

test('13.B4 HEAD, 304 and ranges are those of the encoding', async () => {
  const br = { 'accept-encoding': 'br' };
  const whole = await ask(script, br);
  const head = await ask(script, br, 'HEAD');
  expect([
    head.headers['content-encoding'],
    head.headers['content-length'],
    head.body.length,
  ]).toEqual(['br', String(whole.body.length), 0]);
  const known = await ask(script, { ...br, 'if-none-match': String(whole.headers.etag) });
  expect([known.status, known.body.length]).toEqual([304, 0]);
  const other = await ask(script, { 'if-none-match': String(whole.headers.etag) });
  expect(other.status).toBe(200);
  const part = await ask(script, { ...br, range: 'bytes=10-19' });
  expect([part.status, part.headers['content-encoding']]).toEqual([206, 'br']);
  expect(part.body.equals(whole.body.subarray(10, 20))).toBe(true);
});

test('13.B4 every page of the app is compressed, and the copies have no address', async () => {
  for (const page of ['/', '/workspaces/x']) {
    const answer = await ask(page, { 'accept-encoding': 'gzip' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(answer.body).toString()).toContain('<script');
  }
  expect((await ask(`${script}.br`, {})).status).toBe(404);
});

test('13.B4 lists and GraphQL are sent compressed', async () => {
  const list = `/api/v1/workspaces/${workspaceId}/files`;
  const plain = await ask(list, asAda());
  for (const [accept, encoding, decode] of [
    ['gzip, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0.3, gzip', 'gzip', gunzipSync],
    ['*', 'br', brotliDecompressSync],
  ] as const) {
    const answer = await ask(list, asAda({ 'accept-encoding': accept }));
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    expect(answer.headers.vary).toMatch(/accept-encoding/i);
    expect(decode(answer.body).equals(plain.body)).toBe(true);
    expect(answer.body.length).toBeLessThan(plain.body.length / 4);
  }
  for (const accept of ['identity', 'br;q=0, gzip;q=0', 'identity, gzip;q=0.5']) {
    const answer = await ask(list, asAda({ 'accept-encoding': accept }));
    expect(answer.headers['content-encoding']).toBe(undefined);
    expect(answer.headers.vary).toMatch(/accept-encoding/i);
  }
  const query = JSON.stringify({
    query: '{ files(first: 20) { edges { node { id path name } } } }',
  });
  const headers = asAda({ 'accept-encoding': 'br', 'content-type': 'application/json' });
  const answer = await ask('/api/graphql', headers, 'POST', query);
  expect(answer.headers['content-encoding']).toBe('br');
  expect(JSON.parse(brotliDecompressSync(answer.body).toString()).data.files.edges).toHaveLength(
    20,
  );
});

test('13.B4 contents, records with a tag, and answers that may hold a secret are not', async () => {
  const accept = { 'accept-encoding': 'br, gzip' };
  const workspace = { type: 'workspaces', id: workspaceId };
  const large = await ada.file(
    workspace,
    'large.json',
    JSON.stringify({ text: 'a'.repeat(5_000) }),
  );
  const content = await ask(`/api/v1/files/${large.id}/content`, asAda(accept));
  const range = await ask(
    `/api/v1/files/${large.id}/content`,
    asAda({ ...accept, range: 'bytes=0-2000' }),
  );
  const record = await ask(`/api/v1/files/${large.id}`, asAda(accept));
  const media = 'application/vnd.api+json';
  const body = JSON.stringify({
    data: { type: 'api-keys', attributes: { name: 'k'.repeat(200), scopes: ['read'] } },
  });
  const key = await ask(
    '/api/v1/api-keys',
    asAda({ ...accept, 'content-type': media }),
    'POST',
    body,
  );
  expect([content.status, range.status, record.status, key.status]).toEqual([200, 206, 200, 201]);
  const query = `mutation { createWorkspace(input: { name: "${'w'.repeat(150)}" }) { result { id name slug description insertedAt updatedAt ${'a: name b: name c: name d: name e: name f: name g: name h: name i: name'} } errors { message } } }`;
  const changed = await ask(
    '/api/graphql',
    asAda({ ...accept, 'content-type': 'application/json' }),
    'POST',
    JSON.stringify({ query }),
  );
  expect(changed.body.length).toBeGreaterThan(1_024);
  expect(changed.headers['cache-control']).toBe('no-store');
  for (const answer of [content, range, record, key, changed])
    expect(answer.headers['content-encoding']).toBe(undefined);
});

test('13.B4 a stream of events comes at once', async () => {
  const stream = await fetch(`${server.url}/api/v1/events/stream`, {
    headers: asAda({ accept: 'text/event-stream', 'accept-encoding': 'br, gzip' }),
  });
  expect(stream.headers.get('content-encoding')).toBe(null);
  await stream.body!.cancel();
});
