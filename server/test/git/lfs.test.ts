import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, git, must, temporary } from './repository.ts';

const hasClient = (() => {
  try {
    return (
      execFileSync('git', ['lfs', 'version'], { stdio: ['ignore', 'pipe', 'ignore'] }).length > 0
    );
  } catch {
    console.warn('git-lfs is not installed: the tests that need its client are skipped.');
    return false;
  }
})();

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let address: string;
let place: Awaited<ReturnType<typeof temporary>>;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
  address = await addressOf(ann, workspace);
  place = await temporary();
});
afterEach(() => place.remove());

const bytes = randomBytes(3 * 2 ** 20);
const oid = createHash('sha256').update(bytes).digest('hex');
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n`;

describe.skipIf(!hasClient)('with the client of Git LFS', () => {
  test('what is pushed by LFS is a file, and a clone has its bytes', async () => {
    const mine = await cloned('mine');
    await must(mine, 'lfs', 'install', '--local');
    await must(mine, 'lfs', 'track', '*.bin');
    await writeFile(join(mine, 'data.bin'), bytes);
    await must(mine, 'add', '.');
    await must(mine, 'commit', '-qm', 'Data');
    expect(await must(mine, 'show', 'HEAD:data.bin')).toBe(pointer.trimEnd());
    await must(mine, 'push', '-q', 'origin', 'HEAD:main');
    const file = (await files()).find(({ attributes }) => attributes.path === 'data.bin')!;
    expect(file.attributes).toMatchObject({ size: bytes.length, version: 1 });
    expect(await contentOf(file)).toEqual(bytes);
    const other = await cloned('other');
    await must(other, 'lfs', 'install', '--local');
    await must(other, 'lfs', 'pull');
    expect(await readFile(join(other, 'data.bin'))).toEqual(bytes);
  });

  test('what the rules keep outside git reaches a clone', async () => {
    const large = randomBytes(11 * 2 ** 20);
    const file = await ann.file(workspace, 'large.bin', '');
    const headers = { 'content-type': 'application/octet-stream' };
    const put = { method: 'PUT', headers, raw: large };
    expect((await ann.fetch(`/files/${file.id}/content`, put)).status).toBeLessThan(300);
    const mine = await cloned('mine');
    expect(await must(mine, 'show', 'HEAD:large.bin')).toContain(`size ${large.length}`);
    await must(mine, 'lfs', 'install', '--local');
    await must(mine, 'lfs', 'pull');
    expect((await readFile(join(mine, 'large.bin'))).equals(large)).toBe(true);
  });
});

test('an object is uploaded, verified and read in parts by HTTP', async () => {
  const { objects } = await batch('upload');
  const { upload, verify } = objects[0].actions;
  expect(upload.href).toContain(`${server.url}/git/`);
  const wrong = await fetch(upload.href, {
    method: 'PUT',
    headers: auth(),
    body: new Uint8Array(bytes.length),
  });
  expect(wrong.status).toBe(422);
  expect((await batch('download')).objects[0].error.code).toBe(404);
  const put = { method: 'PUT', headers: auth(), body: new Uint8Array(bytes) };
  expect((await fetch(upload.href, put)).status).toBe(200);
  const known = { oid, size: bytes.length };
  expect((await ask(verify.href, known)).status).toBe(200);
  expect((await ask(verify.href, { oid, size: 1 })).status).toBe(404);
  expect((await batch('upload')).objects[0].actions).toBeUndefined();
  const { href } = (await batch('download')).objects[0].actions.download;
  const part = await fetch(href, { headers: { ...auth(), range: 'bytes=100-199' } });
  expect(part.status).toBe(206);
  expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(100, 200));
});

test('an object is of its workspace only, and of who may read it', async () => {
  const { href } = (await batch('upload')).objects[0].actions.upload;
  await fetch(href, { method: 'PUT', headers: auth(), body: new Uint8Array(bytes) });
  expect((await fetch(href, { headers: auth() })).status).toBe(200);
  const second = await ann.workspace();
  const other = href.replace(`/${workspace.attributes.slug}.git`, `/${second.attributes.slug}.git`);
  expect((await fetch(other, { headers: auth() })).status).toBe(404);
  const eve = await register(server.url, 'Eve');
  expect((await fetch(href, { headers: auth(eve.token) })).status).toBe(404);
  const nobody = await fetch(href);
  expect(nobody.status).toBe(401);
  expect(nobody.headers.get('lfs-authenticate')).toMatch(/^Basic/);
  const reader = (await ann.key('read')).token;
  expect((await fetch(href, { headers: auth(reader) })).status).toBe(200);
  const put = { method: 'PUT', headers: auth(reader), body: new Uint8Array(bytes) };
  expect((await fetch(href, put)).status).toBe(403);
  const locks = href.replace(/objects\/.*/, 'locks/verify');
  expect((await ask(locks, {})).status).toBe(404);
});

test('a pointer to nothing is refused', async () => {
  const mine = await cloned('mine');
  await writeFile(join(mine, 'data.bin'), pointer);
  await must(mine, 'add', '.');
  await must(mine, 'commit', '-qm', 'Pointer');
  const pushed = await git(mine, 'push', 'origin', 'HEAD:main');
  expect(pushed.ok).toBe(false);
  expect(pushed.said).toMatch(/remote: data.bin is an LFS pointer to content that is not here/);
  expect(await files()).toEqual([]);
});

const auth = (token = ann.token): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}`,
});

type Link = { href: string };
type Batch = {
  objects: [{ actions: { upload: Link; verify: Link; download: Link }; error: { code: number } }];
};

async function batch(operation: string): Promise<Batch> {
  const { origin, pathname } = new URL(address);
  const url = `${origin}${pathname}/info/lfs/objects/batch`;
  const answer = await ask(url, { operation, objects: [{ oid, size: bytes.length }] });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Batch;
}

function ask(url: string, body: object): Promise<Response> {
  const headers = { ...auth(), 'content-type': 'application/vnd.git-lfs+json' };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function cloned(name: string): Promise<string> {
  await must(place.folder, 'clone', '-q', address, name);
  return join(place.folder, name);
}

async function files(): Promise<RecordObject[]> {
  return (await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/files`)).body.data;
}

async function contentOf({ id }: RecordObject): Promise<Buffer> {
  return Buffer.from(await (await ann.fetch(`/files/${id}/content`)).arrayBuffer());
}
