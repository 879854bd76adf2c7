import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../start/process.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let team: RecordObject;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  team = (await ann.get<RecordObject[]>('/teams')).body.data[0]!;
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
});

const put = (file: RecordObject, raw: string | Uint8Array, headers: Record<string, string> = {}) =>
  ann.request(`/files/${file.id}/content`, { method: 'PUT', raw, headers });
const read = async (file: RecordObject) => (await ann.fetch(`/files/${file.id}/content`)).text();
const get = async (file: RecordObject) => (await ann.get(`/files/${file.id}`)).body.data;
const png = (size: number) => {
  const bytes = Buffer.alloc(size, 7);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(bytes);
  return bytes;
};
/** The names of what happened since, counted; pictures are read in the background, whenever that is. */
async function eventsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const [before] = await server.query<{ seq: string }>(
    'select coalesce(max(seq), 0) as seq from events',
  );
  await work();
  const rows = await server.query<{ name: string; count: number }>(
    `select name, count(*)::integer as count from events
     where seq > $1 and name not like 'picture.%' group by name`,
    [before!.seq],
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}
/** The paths and contents that a clone holds. */
async function clone(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-clone-'));
  try {
    const address = server.url.replace('//', `//ann:${ann.token}@`);
    const url = `${address}/git/${team.attributes.slug}/${workspace.attributes.slug}.git`;
    expect((await run('git', ['clone', '-q', url, folder])).code).toBe(0);
    const { stdout } = await run('git', ['ls-files', '-z'], folder);
    const paths = stdout.split('\0').filter(Boolean);
    return Object.fromEntries(
      await Promise.all(
        paths.map(async (path) => [path, await readFile(join(folder, path), 'utf8')]),
      ),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('versions', () => {
  test('a file starts empty; its first bytes settle type and backend', async () => {
    const file = await ann.file(workspace, 'a.bin');
    expect(file.attributes).toMatchObject({ version: 0, size: 0, storageBackend: null });
    expect((await put(file, png(1_000))).status).toBe(200);
    expect((await get(file)).attributes).toMatchObject({
      version: 1,
      size: 1_000,
      contentType: 'image/png',
      storageBackend: 'disk',
    });
  });

  test('new content makes one version, equal content none, and events say exactly that', async () => {
    const made = await eventsOf(async () => ann.file(workspace, 'a.txt', 'one\n'));
    expect(made).toEqual({
      'file.created': 1,
      'file-version.created': 1,
      'workspace.committed': 1,
    });
    const [file] = (await ann.get<RecordObject[]>(`/files?filter[workspace][id]=${workspace.id}`))
      .body.data;
    expect(await eventsOf(() => put(file!, 'two\n'))).toEqual({
      'file.written': 1,
      'file-version.created': 1,
      'workspace.committed': 1,
    });
    expect(await eventsOf(() => put(file!, 'two\n'))).toEqual({});
    const { body } = await ann.get<RecordObject[]>(`/files/${file!.id}/versions?sort=version`);
    expect(body.data.map(({ attributes }) => [attributes.version, attributes.size])).toEqual([
      [1, 4],
      [2, 4],
    ]);
    expect(body.data[0]!.attributes.authors).toEqual([{ name: 'Ann', email: ann.email }]);
  });

  test('twenty writers at once make twenty versions in a row, and none is lost', async () => {
    const file = await ann.file(workspace, 'a.txt', 'start\n');
    const texts = Array.from({ length: 20 }, (_, index) => `text ${index}\n`);
    const answers = await Promise.all(texts.map((text) => put(file, text)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const { body } = await ann.get<RecordObject[]>(
      `/files/${file.id}/versions?sort=version&page[size]=100`,
    );
    expect(body.data.map(({ attributes }) => attributes.version)).toEqual(
      Array.from({ length: 21 }, (_, index) => index + 1),
    );
    expect(texts).toContain(await read(file));
  });

  test('an old version comes back as a new one', async () => {
    const file = await ann.file(workspace, 'a.txt', 'one\n');
    await put(file, 'two\n');
    const back = await ann.post(`/files/${file.id}/restore`, 'files', { version: 1 });
    expect([back.status, back.body.data.attributes.version]).toEqual([200, 3]);
    expect(await read(file)).toBe('one\n');
    expect(await clone()).toEqual({ 'a.txt': 'one\n' });
    expect((await ann.post(`/files/${file.id}/restore`, 'files', { version: 9 })).status).toBe(404);
  });
});

describe('content over HTTP', () => {
  const text = '0123456789';
  let file: RecordObject;
  const part = (range: string, headers: Record<string, string> = {}) =>
    ann.fetch(`/files/${file.id}/content`, { headers: { range, ...headers } });
  beforeEach(async () => {
    file = await ann.file(workspace, 'digits.txt', text);
  });

  test.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=4-', 206, '456789', 'bytes 4-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, text, 'bytes 0-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=9-9', 206, '9', 'bytes 9-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=5-4', 200, text, null],
    ['bytes=a-b', 200, text, null],
    ['lines=1-2', 200, text, null],
    ['bytes=0-0,2-2', 200, text, null],
  ])('%s → %i', async (range, status, content, header) => {
    const response = await part(range);
    expect([response.status, await response.text()]).toEqual([status, content]);
    expect(response.headers.get('content-range')).toBe(header);
    expect(response.headers.get('accept-ranges')).toBe('bytes');
  });

  test('a range of a blob on disk, and of nothing', async () => {
    const bytes = png(3_000_000);
    const blob = await ann.file(workspace, 'a.png');
    await put(blob, bytes);
    const response = await ann.fetch(`/files/${blob.id}/content`, {
      headers: { range: 'bytes=2999990-' },
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(-10))).toBe(true);
    const empty = await ann.file(workspace, 'empty.txt');
    expect(
      (await ann.fetch(`/files/${empty.id}/content`, { headers: { range: 'bytes=0-' } })).status,
    ).toBe(416);
  });

  test('an entity tag answers 304, guards ranges and writes', async () => {
    const first = await ann.fetch(`/files/${file.id}/content`);
    const tag = first.headers.get('etag')!;
    expect(
      (await ann.fetch(`/files/${file.id}/content`, { headers: { 'if-none-match': tag } })).status,
    ).toBe(304);
    expect((await part('bytes=0-0', { 'if-range': tag })).status).toBe(206);
    expect((await part('bytes=0-0', { 'if-range': '"other"' })).status).toBe(200);
    const blob = await ann.file(workspace, 'a.png');
    await put(blob, png(100));
    const old = (await ann.fetch(`/files/${blob.id}/content`)).headers.get('etag')!;
    expect((await put(blob, png(200), { 'if-match': old })).status).toBe(200);
    expect((await put(blob, png(300), { 'if-match': old })).status).toBe(412);
    expect((await put(blob, png(300), { 'if-match': '*' })).status).toBe(200);
    expect((await get(blob)).attributes).toMatchObject({ version: 3, size: 300 });
  });

  test.each([
    'a b.txt',
    'quo"te.txt',
    "it's (1).txt",
    '100%.txt',
    'naïve café.txt',
    '日本語.txt',
    '😀;x=y.txt',
    'a=b;c.txt',
  ])('the name %j parses back from Content-Disposition', async (path) => {
    const named = await ann.file(workspace, path, 'x');
    const response = await ann.fetch(`/files/${named.id}/content`);
    const header = response.headers.get('content-disposition')!;
    expect(header).toMatch(
      /^(inline|attachment); filename="[^"\\]*"; filename\*=UTF-8''[\w%!#$&+.^`|~-]+$/,
    );
    expect(decodeURIComponent(header.split("''")[1]!)).toBe(path);
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('where content lies', () => {
  const MB = 2 ** 20;
  const binary = (size: number) => Buffer.alloc(size, 0xff);
  test.each<[string, Buffer, string]>([
    ['small.txt', Buffer.from('x'), 'git'],
    ['big.ts', Buffer.alloc(MB + 1, 'x'), 'git'],
    ['big.txt', Buffer.alloc(MB + 1, 'x'), 'hybrid'],
    ['small.png', png(1_000), 'disk'],
    ['big.png', png(5 * MB + 1), 's3'],
    ['small.bin', binary(1_000), 'hybrid'],
    ['ten.bin', binary(10 * MB), 'hybrid'],
    ['huge.bin', binary(10 * MB + 1), 's3'],
  ])(
    '%s goes to its place, comes back whole, and stands in the tree',
    async (path, bytes, backend) => {
      const file = await ann.file(workspace, path);
      expect((await put(file, bytes)).status).toBe(200);
      expect((await get(file)).attributes).toMatchObject({
        storageBackend: backend,
        size: bytes.length,
      });
      const back = await ann.fetch(`/files/${file.id}/content`);
      expect(Buffer.from(await back.arrayBuffer()).equals(bytes)).toBe(true);
      const digest = createHash('sha256').update(bytes).digest('hex');
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize ${bytes.length}\n`;
      expect(Object.values(await clone())).toEqual([
        backend === 'git' ? bytes.toString() : pointer,
      ]);
    },
  );
});

describe('moving and deleting', () => {
  test('a move keeps the file and moves it in git', async () => {
    const file = await ann.file(workspace, 'a.md', 'text\n');
    const events = await eventsOf(() =>
      ann.patch(`/files/${file.id}`, file, { path: 'docs/b.md' }),
    );
    expect(events).toEqual({ 'file.updated': 1, 'workspace.committed': 1 });
    expect((await get(file)).attributes).toMatchObject({
      path: 'docs/b.md',
      name: 'b.md',
      version: 1,
    });
    expect(await clone()).toEqual({ 'docs/b.md': 'text\n' });
  });

  test('metadata changes no tree', async () => {
    const file = await ann.file(workspace, 'a.md', 'text\n');
    const events = await eventsOf(() =>
      ann.patch(`/files/${file.id}`, file, { metadata: { a: [1, null] } }),
    );
    expect(events).toEqual({ 'file.updated': 1 });
    expect((await get(file)).attributes.metadata).toEqual({ a: [1, null] });
  });

  test('the trash is out of lists and git, and gives back', async () => {
    const file = await ann.file(workspace, 'a.md', 'text\n');
    await ann.file(workspace, 'b.md', 'stays\n');
    expect(await eventsOf(() => ann.delete(`/files/${file.id}`))).toEqual({
      'file.deleted': 1,
      'workspace.committed': 1,
    });
    const list = async (query = '') =>
      (
        await ann.get<RecordObject[]>(
          `/files?filter[workspace][id]=${workspace.id}&sort=path${query}`,
        )
      ).body.data.map(({ attributes }) => attributes.path);
    expect(await list()).toEqual(['b.md']);
    expect(await list('&filter[deletedAt][is_nil]=false')).toEqual(['a.md']);
    expect((await get(file)).attributes.deletedAt).not.toBeNull();
    expect(await clone()).toEqual({ 'b.md': 'stays\n' });
    expect((await put(file, 'more\n')).status).toBe(409);
    expect(await eventsOf(() => ann.post(`/files/${file.id}/restore`, 'files'))).toEqual({
      'file.restored': 1,
      'workspace.committed': 1,
    });
    expect(await clone()).toEqual({ 'a.md': 'text\n', 'b.md': 'stays\n' });
    expect(await read(file)).toBe('text\n');
  });

  test('what is removed from the trash is gone with its versions; elsewhere nothing can be removed', async () => {
    const file = await ann.file(workspace, 'a.md', '# One\n\n```bash\ntrue\n```\n');
    await put(file, 'two\n');
    const purge = () => ann.post(`/files/${file.id}/purge`, 'files');
    expect((await purge()).status).toBe(409);
    await ann.delete(`/files/${file.id}`);
    const events = await eventsOf(async () => expect((await purge()).status).toBe(204));
    expect(events).toEqual({ 'file.purged': 1 });
    for (const path of ['', '/versions', '/content', '/diff', '/notebook']) {
      expect((await ann.get(`/files/${file.id}${path}`)).status).toBe(404);
    }
    const [left] = await server.query(
      'select from file_versions where file_id = $1 union all select from notebooks where file_id = $1',
      [file.id],
    );
    expect(left).toBeUndefined();
    expect((await purge()).status).toBe(404);
    // Its path is free, and its number starts again.
    const again = await ann.file(workspace, 'a.md', 'new\n');
    expect((await get(again)).attributes.version).toBe(1);
  });
});

test('notebooks and tasks follow the Markdown, and a task keeps its id while its name stays', async () => {
  const cells = (...bodies: string[]) => `# Title\n\n${bodies.join('\n\n')}\n`;
  const a = '```bash {name=a}\necho a\n```';
  const b = '```python {name=b dependsOn=a}\nprint(1)\n```';
  const file = await ann.file(workspace, 'n.md', cells(a, b, '```\nno language\n```'));
  const tasks = async () =>
    (await ann.get<RecordObject[]>(`/notebooks/${notebook!.id}/tasks`)).body.data;
  const notebook = (await ann.get(`/files/${file.id}/notebook`)).body.data as RecordObject | null;
  expect(notebook!.attributes.title).toBe('Title');
  const first = await tasks();
  expect(
    first.map(({ attributes: it }) => [it.name, it.language, it.source, it.dependsOn, it.position]),
  ).toEqual([
    ['a', 'bash', 'echo a', [], 0],
    ['b', 'python', 'print(1)', ['a'], 1],
  ]);
  const events = await eventsOf(() =>
    put(file, cells(b, a.replace('echo a', 'echo A'), '```js {name=c}\n1\n```')),
  );
  expect(events).toMatchObject({ 'task.created': 1, 'task.updated': 2, 'notebook.updated': 1 });
  const second = await tasks();
  expect(second.map(({ attributes }) => [attributes.name, attributes.source])).toEqual([
    ['b', 'print(1)'],
    ['a', 'echo A'],
    ['c', '1'],
  ]);
  expect([second[1]!.id, second[0]!.id]).toEqual([first[0]!.id, first[1]!.id]);
  expect(await eventsOf(() => put(file, '# Title\n'))).toEqual({
    'file.written': 1,
    'file-version.created': 1,
    'workspace.committed': 1,
    'notebook.deleted': 1,
  });
  expect((await ann.get(`/files/${file.id}/notebook`)).body.data).toBeNull();
});
