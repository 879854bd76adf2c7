import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addressOf } from '../git/repository.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let file: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());
let count = 0;
beforeEach(async () => {
  file = await ann.file(workspace, `${count++}.md`, 'first\n');
});

type Headers = Record<string, string>;
const at = () => `/files/${file.id}/content`;
const put = async (headers: Headers, raw = `text ${Math.random()}\n`) =>
  (await ann.request(at(), { method: 'PUT', raw, headers })).status;
const read = async (headers: Headers, method = 'GET', path = at()) =>
  (await ann.fetch(path, { method, headers })).status;
const tag = async (path = at()) => (await ann.fetch(path)).headers.get('etag')!;
const hour = 3_600_000;
const past = new Date(Date.now() - hour).toUTCString();
const future = new Date(Date.now() + hour).toUTCString();

test('13.A8 If-None-Match on a PUT: a star or the current tag answers 412 and writes nothing', async () => {
  const current = await tag();
  expect(await put({ 'if-none-match': '*' })).toBe(412);
  expect(await put({ 'if-none-match': current })).toBe(412);
  expect(await put({ 'if-none-match': `"x", W/${current}` })).toBe(412);
  expect(await (await ann.fetch(at())).text()).toBe('first\n');
  expect(await put({ 'if-none-match': '"x", "y"' })).toBe(200);
});

test('13.A8 Content-Range on a PUT answers 400, and the part does not become the whole', async () => {
  expect(await put({ 'content-range': 'bytes 0-3/10' })).toBe(400);
  expect(await put({ 'content-range': 'nonsense' })).toBe(400);
  expect(await (await ann.fetch(at())).text()).toBe('first\n');
  const zip = { 'content-type': 'application/zip', 'content-range': 'bytes 0-3/10' };
  const path = `/workspaces/${workspace.id}/import`;
  expect((await ann.request(path, { method: 'POST', raw: 'PK', headers: zip })).status).toBe(400);
});

test('13.A8 a list of tags in If-Match matches by any, and by no weak one', async () => {
  expect(await put({ 'if-match': `"a", ${await tag()}` })).toBe(200);
  expect(await put({ 'if-match': `"with, comma",${await tag()},"b"` })).toBe(200);
  const record = await tag(`/files/${file.id}`);
  expect(await put({ 'if-match': `"a", ${record}` })).toBe(200);
  expect(await put({ 'if-match': '*' })).toBe(200);
  expect(await put({ 'if-match': `W/${await tag()}` })).toBe(412);
  expect(await put({ 'if-match': `"a, ${(await tag()).slice(1)}` })).toBe(412);
  expect(await put({ 'if-match': '"a", "b"' })).toBe(412);
  expect(await put({ 'if-match': '' })).toBe(412);
});

test('13.A8 conditions are looked at in the order of RFC 9110', async () => {
  expect(await put({ 'if-unmodified-since': past })).toBe(412);
  expect(await put({ 'if-unmodified-since': future })).toBe(200);
  expect(await put({ 'if-unmodified-since': 'nonsense' })).toBe(200);
  // A tag counts more than a time.
  expect(await put({ 'if-match': await tag(), 'if-unmodified-since': past })).toBe(200);
  expect(await put({ 'if-match': '"a"', 'if-unmodified-since': future })).toBe(412);
  expect(await put({ 'if-match': await tag(), 'if-none-match': '*' })).toBe(412);
  const current = await tag();
  for (const method of ['GET', 'HEAD']) {
    expect(await read({ 'if-match': '"a"' }, method)).toBe(412);
    expect(await read({ 'if-match': `"a", ${current}` }, method)).toBe(200);
    expect(await read({ 'if-match': `W/${current}` }, method)).toBe(412);
    expect(await read({ 'if-match': '"a"', 'if-none-match': current }, method)).toBe(412);
    expect(await read({ 'if-unmodified-since': past }, method)).toBe(412);
    expect(await read({ 'if-none-match': `"a", W/${current}` }, method)).toBe(304);
    expect(await read({ 'if-none-match': '*' }, method)).toBe(304);
    expect(await read({ 'if-none-match': '"a"', 'if-modified-since': future }, method)).toBe(200);
    expect(await read({ 'if-modified-since': future }, method)).toBe(304);
  }
  expect(await read({ range: 'bytes=0-1' })).toBe(206);
  expect(await read({ range: 'bytes=0-1' }, 'HEAD')).toBe(200);
  expect(await read({ range: 'bytes=0-1', 'if-range': `W/${current}` })).toBe(200);
});

test('13.A8 records of the API: PATCH, DELETE, GET and HEAD have the same conditions', async () => {
  const path = `/files/${file.id}`;
  const patch = async (headers: Headers) =>
    (await ann.patch(path, file, { metadata: { at: Math.random() } }, headers)).status;
  const remove = async (headers: Headers) => read(headers, 'DELETE', path);
  expect(await patch({ 'if-match': `"a", ${await tag(path)}` })).toBe(200);
  expect(await patch({ 'if-match': `W/${await tag(path)}` })).toBe(412);
  expect(await patch({ 'if-none-match': '*' })).toBe(412);
  expect(await patch({ 'if-none-match': await tag(path) })).toBe(412);
  expect(await patch({ 'if-none-match': '"a"' })).toBe(200);
  for (const method of ['GET', 'HEAD']) {
    expect(await read({ 'if-none-match': `"a", ${await tag(path)}` }, method, path)).toBe(304);
    expect(await read({ 'if-match': '"a"' }, method, path)).toBe(412);
  }
  expect(await remove({ 'if-match': '"a", "b"' })).toBe(412);
  expect(await remove({ 'if-none-match': '*' })).toBe(412);
  expect(await remove({ 'if-match': `"a", ${await tag(path)}` })).toBe(204);
});

test('13.A8 thumbnails and LFS objects have the same conditions', async () => {
  const picture = await sharp({
    create: { width: 64, height: 64, channels: 3, background: 'red' },
  })
    .png()
    .toBuffer();
  const made = await ann.file(workspace, `${count}.png`);
  await ann.request(`/files/${made.id}/content`, { method: 'PUT', raw: picture });
  const path = `/files/${made.id}/thumbnail`;
  await expect.poll(() => read({}, 'GET', path), { timeout: 20_000 }).toBe(200);
  expect(await read({ 'if-none-match': `"a", ${await tag(path)}` }, 'GET', path)).toBe(304);
  expect(await read({ 'if-match': '"a"' }, 'GET', path)).toBe(412);

  const { origin, pathname, username, password } = new URL(await addressOf(ann, workspace));
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const sha256 = createHash('sha256').update(picture).digest('hex');
  const lfs = async (method: string, headers: Headers) => {
    const url = `${origin}${pathname}/info/lfs/objects/${sha256}`;
    const body = method === 'PUT' ? new Uint8Array(picture) : undefined;
    const type: Headers = body ? { 'content-type': 'application/octet-stream' } : {};
    return (await fetch(url, { method, headers: { authorization, ...type, ...headers }, body }))
      .status;
  };
  expect(await lfs('PUT', { 'content-range': 'bytes 0-1/2' })).toBe(400);
  expect(await lfs('PUT', {})).toBe(200);
  expect(await lfs('GET', { 'if-none-match': `"a", W/"${sha256}"` })).toBe(304);
  expect(await lfs('GET', { 'if-match': '"a"' })).toBe(412);
  expect(await lfs('GET', { 'if-match': `"${sha256}"` })).toBe(200);
});
