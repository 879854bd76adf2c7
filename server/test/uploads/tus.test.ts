import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tus from 'tus-js-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkPath } from '../../src/storage/path-rules.ts';
import { naughty } from '../api/naughty.ts';
import { serveIn } from '../start/process.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { cloneDatabase, startServer, type TestServer } from '../support/server.ts';

const MB = 2 ** 20;
let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer({ uploadLimit: 40 * MB });
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
});

const b64 = (text: string) => Buffer.from(text).toString('base64');
const metadata = (values: Record<string, string>) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${b64(value)}`)
    .join(',');
type Headers = Record<string, string>;
const send = (person: Person, path: string, method: string, headers: Headers, raw?: Uint8Array) =>
  person.fetch(path, { method, headers: { 'tus-resumable': '1.0.0', ...headers }, raw });
const create = (
  length: number,
  values: Record<string, string>,
  {
    person = ann,
    headers = {},
    raw,
  }: { person?: Person; headers?: Headers; raw?: Uint8Array } = {},
) =>
  send(
    person,
    '/uploads',
    'POST',
    {
      'upload-length': String(length),
      'upload-metadata': metadata({ workspaceId: workspace.id, ...values }),
      ...headers,
    },
    raw,
  );
const begun = async (length: number, path: string) =>
  (await create(length, { path })).headers.get('location')!;
const piece = { 'content-type': 'application/offset+octet-stream' };
const patch = (url: string, offset: number, raw: Uint8Array, headers: Headers = {}) =>
  send(ann, url, 'PATCH', { ...piece, 'upload-offset': String(offset), ...headers }, raw);
const offsetOf = async (url: string, person = ann) => {
  const { status, headers } = await send(person, url, 'HEAD', {});
  return [status, headers.get('upload-offset')];
};
const filesOf = async (person = ann, place = workspace) =>
  (await person.get<RecordObject[]>(`/files?filter[workspace][id]=${place.id}&page[size]=100`)).body
    .data;
const bytesOf = async (id: string, person = ann) =>
  Buffer.from(await (await person.fetch(`/files/${id}/content`)).arrayBuffer());

/** An upload by the field's own client; `stopAt` cuts it off there. */
function upload(
  url: string,
  person: Person,
  bytes: Buffer,
  values: Record<string, string>,
  more: Partial<tus.UploadOptions> & { stopAt?: number } = {},
): Promise<tus.Upload> {
  return new Promise((resolve, reject) => {
    const it = new tus.Upload(bytes, {
      endpoint: `${url}/api/v1/uploads`,
      headers: { authorization: `Bearer ${person.token}` },
      metadata: values,
      uploadSize: bytes.length,
      chunkSize: MB,
      retryDelays: null as never,
      onSuccess: () => resolve(it),
      onError: reject,
      onChunkComplete: (_size, accepted) => {
        if (more.stopAt !== undefined && accepted >= more.stopAt)
          void it.abort().then(() => resolve(it));
      },
      ...more,
    });
    it.start();
  });
}

test('what has come so far lies on the disk, but not in clear', async () => {
  const text = Buffer.from('nobody else may read this. '.repeat(1_000));
  const url = await begun(text.length, 'secret.txt');
  expect((await patch(url, 0, text.subarray(0, 20_000))).status).toBe(204);
  const kept = await readFile(join(server.dataDir, 'uploads', url.split('/').at(-1)!));
  expect(kept.length).toBeGreaterThanOrEqual(20_000);
  expect(kept.includes('nobody')).toBe(false);
  expect((await patch(url, 20_000, text.subarray(20_000))).status).toBe(204);
  const [made] = await filesOf();
  expect((await bytesOf(made!.id)).equals(text)).toBe(true);
});

describe('tus-js-client', () => {
  test('uploads a file, and a second one to its path is its next version', async () => {
    const [first, second] = [randomBytes(3 * MB + 7), randomBytes(MB)];
    await upload(server.url, ann, first, { workspaceId: workspace.id, path: 'a/b.bin' });
    await upload(server.url, ann, second, { workspaceId: workspace.id, path: 'a/b.bin' });
    const files = await filesOf();
    expect(files.map(({ attributes }) => [attributes.path, attributes.version])).toEqual([
      ['a/b.bin', 2],
    ]);
    expect((await bytesOf(files[0]!.id)).equals(second)).toBe(true);
    expect(await readdir(join(server.dataDir, 'uploads'))).toEqual([]);
    expect(await readdir(join(server.dataDir, 'tmp'))).toEqual([]);
  });

  test('many at once', async () => {
    const contents = Array.from({ length: 12 }, () => randomBytes(MB + 1));
    await Promise.all(
      contents.map((bytes, index) =>
        upload(server.url, ann, bytes, { workspaceId: workspace.id, relativePath: `d/${index}` }),
      ),
    );
    for (const file of await filesOf()) {
      const index = Number((file.attributes.path as string).slice(2));
      expect((await bytesOf(file.id)).equals(contents[index]!)).toBe(true);
    }
    expect(await filesOf()).toHaveLength(12);
  });

  test('goes on after kill -9 of the server where it was', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kyozo-tus-'));
    const environment = { DATABASE_URL: await cloneDatabase(), SECRET_KEY: 's'.repeat(32) };
    let served = await serveIn(folder, environment);
    try {
      const bob = await register(served.url);
      const place = await bob.workspace();
      const bytes = randomBytes(6 * MB + 11);
      const values = { workspaceId: place.id, path: 'big.bin' };
      const cut = await upload(served.url, bob, bytes, values, { stopAt: 3 * MB });
      await served.stop('SIGKILL');
      // Bytes that no row tells of, as a crash between the two leaves them.
      const id = cut.url!.slice(cut.url!.lastIndexOf('/') + 1);
      await writeFile(join(folder, 'uploads', id), randomBytes(999), { flag: 'a' });
      served = await serveIn(folder, environment);
      const again = new Person(served.url, bob.token);
      const [status, offset] = await offsetOf(`/uploads/${id}`, again);
      expect([status, Number(offset)]).toEqual([200, 3 * MB]);
      await upload(served.url, again, bytes, values, {
        uploadUrl: `${served.url}/api/v1/uploads/${id}`,
      });
      const [file] = await filesOf(again, place);
      expect((await bytesOf(file!.id, again)).equals(bytes)).toBe(true);
    } finally {
      await served.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('the protocol', () => {
  test('says what it can, to anybody and to other origins', async () => {
    const plain = await fetch(`${server.url}/api/v1/uploads`, { method: 'OPTIONS' });
    expect([
      plain.status,
      plain.headers.get('tus-version'),
      plain.headers.get('tus-max-size'),
    ]).toEqual([204, '1.0.0', String(40 * MB)]);
    expect(plain.headers.get('tus-extension')).toBe(
      'creation,creation-with-upload,expiration,checksum,termination',
    );
    const asked = await fetch(`${server.url}/api/v1/uploads`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'PATCH' },
    });
    expect(asked.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect((await ann.fetch('/uploads', { method: 'POST' })).status).toBe(412);
    expect((await create(1, { path: 'a' }, { person: new Person(server.url) })).status).toBe(401);
  });

  test('creation with the whole content answers the file', async () => {
    const answer = await create(
      5,
      { path: 'a.txt' },
      { headers: piece, raw: Buffer.from('hello') },
    );
    const [file] = await filesOf();
    expect([answer.status, answer.headers.get('upload-result')]).toEqual([
      201,
      `/api/v1/files/${file!.id}`,
    ]);
    const empty = await create(0, { path: 'empty' });
    expect([empty.status, empty.headers.get('upload-offset')]).toEqual([201, '0']);
    expect(empty.headers.get('upload-result')).toMatch(/^\/api\/v1\/files\//);
  });

  test('a finished upload is answered again, whatever piece comes again', async () => {
    const url = await begun(6, 'a.txt');
    expect((await patch(url, 0, Buffer.from('abc'))).status).toBe(204);
    const last = await patch(url, 3, Buffer.from('def'));
    const result = last.headers.get('upload-result');
    expect([last.status, last.headers.get('upload-offset')]).toEqual([204, '6']);
    const again = await patch(url, 3, Buffer.from('def'));
    expect([again.status, again.headers.get('upload-result')]).toEqual([204, result]);
    const head = await send(ann, url, 'HEAD', {});
    expect([
      head.status,
      head.headers.get('upload-offset'),
      head.headers.get('upload-result'),
    ]).toEqual([200, '6', result]);
    expect((await filesOf()).map(({ attributes }) => attributes.version)).toEqual([1]);
  });

  test('a wrong offset is 409, too much 413, another type 415, and all keep what was', async () => {
    const url = await begun(6, 'a.txt');
    await patch(url, 0, Buffer.from('abc'));
    const wrong = await patch(url, 2, Buffer.from('cdef'));
    expect([wrong.status, wrong.headers.get('upload-offset')]).toEqual([409, '3']);
    expect((await patch(url, 3, Buffer.from('defg'))).status).toBe(413);
    expect((await patch(url, 3, Buffer.from('d'), { 'content-type': 'text/plain' })).status).toBe(
      415,
    );
    expect((await patch(url, 3, Buffer.from('d'), { 'upload-offset': '-1' })).status).toBe(400);
    expect(await offsetOf(url)).toEqual([200, '3']);
    expect((await create(41 * MB, { path: 'a' })).status).toBe(413);
  });

  test.each(['sha1', 'sha256', 'md5'])(
    'a piece whose %s is wrong is 460 and not kept',
    async (name) => {
      const url = await begun(6, 'a.txt');
      const sum = (text: string) => `${name} ${createHash(name).update(text).digest('base64')}`;
      const wrong = await patch(url, 0, Buffer.from('abc'), { 'upload-checksum': sum('abd') });
      expect([wrong.status, await offsetOf(url)]).toEqual([460, [200, '0']]);
      expect(
        (await patch(url, 0, Buffer.from('abc'), { 'upload-checksum': sum('abc') })).status,
      ).toBe(204);
      const last = await patch(url, 3, Buffer.from('def'), { 'upload-checksum': sum('xyz') });
      expect([last.status, await filesOf()]).toEqual([460, []]);
      const unknown = await patch(url, 3, Buffer.from('def'), { 'upload-checksum': 'crc32 AAAA' });
      expect(unknown.status).toBe(400);
    },
  );

  test('is ended by DELETE, also as POST; what expired is 410, and 404 once it is swept', async () => {
    const [one, two, old] = [await begun(6, 'a'), await begun(6, 'b'), await begun(6, 'c')];
    expect((await send(ann, one, 'DELETE', {})).status).toBe(204);
    const override = { 'x-http-method-override': 'DELETE' };
    expect((await send(ann, two, 'POST', override)).status).toBe(204);
    expect([await offsetOf(one), await offsetOf(two)]).toEqual([
      [404, null],
      [404, null],
    ]);
    const id = old.slice(old.lastIndexOf('/') + 1);
    const path = join(server.dataDir, 'uploads', id);
    await server.query(
      `update uploads set expires_at = now() - interval '1 second' where id = $1`,
      [id],
    );
    await utimes(path, 0, 0);
    expect((await patch(old, 0, Buffer.from('a'))).status).toBe(410);
    await server.query(`insert into jobs.job (name) values ('forget-uploads')`);
    const open = () =>
      server.query(`select 1 from jobs.job where name = 'forget-uploads' and state < 'completed'`);
    while ((await open()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await patch(old, 0, Buffer.from('a'))).status).toBe(404);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  test('an upload is its person’s alone, in a workspace that the person sees', async () => {
    const url = await begun(3, 'a.txt');
    const stranger = await register(server.url);
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      const headers = { ...piece, 'upload-offset': '0' };
      const raw = method === 'PATCH' ? Buffer.from('abc') : undefined;
      expect([method, (await send(stranger, url, method, headers, raw)).status]).toEqual([
        method,
        404,
      ]);
    }
    expect((await create(3, { path: 'x' }, { person: stranger })).status).toBe(404);
    const reader = await ann.key('read');
    expect((await create(3, { path: 'x' }, { person: reader })).status).toBe(403);
    expect(await offsetOf(url)).toEqual([200, '0']);
  });

  test('A4.46 hostile names are refused by the rules of paths, and the others are kept as they are', async () => {
    const made: string[] = [];
    let place = await ann.workspace();
    const taken = new Set<string>();
    for (const path of naughty.filter((name) => name.isWellFormed())) {
      // One that differs from another only in case or form cannot stand beside it.
      const form = path.split('/')[0]!.normalize('NFKC').toLowerCase();
      if (taken.has(form)) {
        place = await ann.workspace();
        taken.clear();
      }
      taken.add(form);
      const values = { workspaceId: place.id, path };
      const answer = await create(1, values, { headers: piece, raw: Buffer.from('x') });
      const allowed = checkPath(path) === undefined;
      expect([path, answer.status]).toEqual([path, allowed ? 201 : 422]);
      if (!allowed) continue;
      made.push(path);
      const id = answer.headers.get('upload-result')!.split('/').at(-1)!;
      const { body } = await ann.get(`/files/${id}`);
      expect(body.data.attributes.path).toBe(path);
      const sent = await ann.fetch(`/files/${id}/content`);
      const said = sent.headers.get('content-disposition')!.split("filename*=UTF-8''")[1]!;
      expect(decodeURIComponent(said)).toBe(path.slice(path.lastIndexOf('/') + 1));
    }
    expect(made.length).toBeGreaterThan(300);
    expect(await readdir(join(server.dataDir, 'uploads'))).not.toContain('etc');
  }, 120_000);
});
