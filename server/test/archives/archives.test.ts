import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Editor } from '../collaboration/editor.ts';
import { run, serveIn } from '../start/process.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { cloneDatabase, startServer, type TestServer } from '../support/server.ts';
import { type Part, saying, zip } from './zips.ts';

const MB = 2 ** 20;
let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer({ uploadLimit: 100 * MB });
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
});

const begin = (archive: Buffer, person = ann, place = workspace) =>
  person.request(`/workspaces/${place.id}/import`, {
    method: 'POST',
    raw: archive,
    headers: { 'content-type': 'application/zip' },
  });
/** The same as a tus upload in one piece. */
function upload(archive: Buffer, path?: string) {
  const about = { workspaceId: workspace.id, purpose: 'import', ...(path && { path }) };
  const metadata = Object.entries(about).map(
    ([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`,
  );
  return ann.fetch('/uploads', {
    method: 'POST',
    raw: archive,
    headers: {
      ...{ 'tus-resumable': '1.0.0', 'upload-length': String(archive.length) },
      'content-type': 'application/offset+octet-stream',
      'upload-metadata': metadata.join(),
    },
  });
}
async function ended(id: string, person = ann): Promise<RecordObject['attributes']> {
  for (;;) {
    const { attributes } = (await person.get(`/transfers/${id}`)).body.data;
    if (attributes.finishedAt !== null) return attributes;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const reportOf = async (id: string, person = ann) =>
  (
    await person.get<RecordObject[]>(`/transfers/${id}/entries?sort=position&page[size]=100`)
  ).body.data.map(({ attributes }) => [attributes.path, attributes.outcome, attributes.reason]);
async function bring(parts: readonly Part[]) {
  const answer = await begin(zip(parts));
  expect(answer.status).toBe(202);
  const { id } = answer.body.data;
  return { id, attributes: await ended(id), report: await reportOf(id) };
}
const numbered = (length: number): Part[] =>
  Array.from({ length }, (_, index) => ({ name: `${index}.txt`, content: `${index}` }));
const filesOf = async (person = ann, place = workspace) => {
  const url = `/files?filter[workspace][id]=${place.id}&sort=path&page[size]=100`;
  return (await person.get<RecordObject[]>(url)).body.data;
};
const pathsOf = async () => (await filesOf()).map(({ attributes }) => attributes.path);
const exported = async (person = ann) => {
  const answer = await person.post(`/workspaces/${workspace.id}/export`, 'workspaces');
  expect([answer.status, answer.body.data?.type]).toEqual([202, 'transfers']);
  return answer.body.data.id;
};

describe('an archive that comes in', () => {
  test('brings its files in, and a second time only what changed, with a line for each', async () => {
    const parts: Part[] = [
      { name: 'docs/', mode: 0o040755 },
      { name: 'docs/a.md', content: '# A\n' },
      { name: 'ünï/日本.txt', content: 'x' },
      { name: 'b.bin', content: Buffer.alloc(5 * MB, 0xfe).fill('noise', 0, 9) },
    ];
    parts[3]!.content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
    const first = await bring(parts);
    expect(first.attributes).toMatchObject({
      ...{ kind: 'import', status: 'succeeded', total: 3, done: 3, refused: 0, reason: null },
    });
    expect(first.report).toEqual([
      ['docs/a.md', 'created', null],
      ['ünï/日本.txt', 'created', null],
      ['b.bin', 'created', null],
    ]);
    parts[1]!.content = '# B\n';
    const second = await bring(parts);
    expect(second.report.map(([, outcome]) => outcome)).toEqual(['changed', 'same', 'same']);
    const [file] = await filesOf();
    const got = Buffer.from(await (await ann.fetch(`/files/${file!.id}/content`)).arrayBuffer());
    expect(got.equals(parts[3]!.content as Buffer)).toBe(true);
    expect(await readdir(join(server.dataDir, 'transfers'))).toEqual([]);
  });

  test('goes to a folder, by a parameter and as an upload at a path', async () => {
    const archive = zip([
      { name: 'a.md', content: '# A\n' },
      { name: '/etc/b', content: 'b' },
    ]);
    const headers = { 'content-type': 'application/zip' };
    const url = `/workspaces/${workspace.id}/import`;
    const send = (query: string) =>
      ann.request(`${url}?folderPath=${query}`, { method: 'POST', raw: archive, headers });
    const { data } = (await send('in%20here/deep')).body;
    expect(data.attributes.folderPath).toBe('in here/deep');
    await ended(data.id);
    expect(await reportOf(data.id)).toEqual([
      ['a.md', 'created', null],
      ['/etc/b', 'refused', 'The path must be relative.'],
    ]);
    for (const bad of ['../up', '/abs', 'a//b', 'a/', '%00', '.git', 'x&folderPath=y']) {
      const { status, body } = await send(bad);
      expect([bad, status]).toEqual([bad, 400]);
      expect(body.errors[0]!.source).toEqual({ parameter: 'folderPath' });
    }
    const begun = await upload(archive, 'up/load/some.zip');
    await ended(begun.headers.get('upload-result')!.split('/').at(-1)!);
    expect(await pathsOf()).toEqual(['in here/deep/a.md', 'up/load/a.md']);
    expect((await upload(archive, '../some.zip')).status).toBe(422);
  });

  test('13.A10 names as ./x and a\\b are taken where they are safe, and one path once', async () => {
    const { report } = await bring(
      [
        { name: './one.txt', content: '1' },
        { name: '././deep/./two.txt', content: '2' },
        { name: 'win\\dir\\', content: '' },
        { name: 'win\\dir\\three.txt', content: '3' },
        { name: '.\\four.txt', content: '4' },
        { name: './', content: '' },
        ...['..\\up.txt', './../up.txt', 'a\\..\\..\\up.txt', '\\abs.txt', './/abs.txt'],
        ...['\\\\server\\share\\x', '.\\C:\\x.txt', 'C:\\x.txt', './.git\\config', 'a\\\\b'],
        ...['one.txt', 'win/dir\\three.txt', './READ\\x', 'read/x'],
      ].map((part) => (typeof part === 'string' ? { name: part, content: 'bad' } : part)),
    );
    const taken = report.filter(([, outcome]) => outcome === 'created').map(([path]) => path);
    expect(taken).toEqual([
      ...['./one.txt', '././deep/./two.txt', 'win\\dir\\three.txt', '.\\four.txt', './READ\\x'],
    ]);
    expect(report.filter(([, outcome]) => outcome === 'refused')).toHaveLength(13);
    expect(await pathsOf()).toEqual(
      ['READ/x', 'deep/two.txt', 'four.txt', 'one.txt', 'win/dir/three.txt'].sort(),
    );
  });

  test('A4.44 A4.45 what could lie elsewhere, or be another file elsewhere, is refused by name', async () => {
    const bad: [string | Buffer, Partial<Part>?][] = [
      ['../up.txt'],
      ['a/../../up.txt'],
      ['/abs.txt'],
      ['C:/x.txt'],
      ['C:\\x.txt'],
      ['a\\..\\b.txt'],
      ['nul\0.txt'],
      [Buffer.from([0x2e, 0x2e, 0xc0, 0xaf, 0x78])],
      ['link', { mode: 0o120777, content: '/etc/passwd' }],
      ['pipe', { mode: 0o010644 }],
      ['.git/config'],
      ['a/.GIT./hooks/x'],
      ['trailing./x'],
      ['x'.repeat(256)],
      ['root/../root-secret/x'],
      ['READ.md'],
      ['cafe\u0301.txt'],
      ['read.md/inside'],
      ['locked', { flags: 1 }],
      ['sum', { content: 'x', crc: 1 }],
      ['shorter', { content: 'xyz', size: 1 }],
    ];
    const parts: Part[] = [
      { name: 'read.md', content: 'x' },
      { name: 'café.txt', content: 'x' },
      ...bad.map(([name, more]) => ({ name, content: 'x', ...more })),
      { name: 'link/through.txt', content: 'x' },
    ];
    const outside = await readdir(tmpdir());
    const { report, attributes } = await bring(parts);
    const refused = report.filter(([, outcome]) => outcome === 'refused');
    expect(report.map(([, outcome]) => outcome)).toEqual([
      ...['created', 'created'],
      ...bad.map(() => 'refused'),
      'created',
    ]);
    for (const [, , reason] of refused) expect(reason).toMatch(/^[A-Z].*\.$/);
    expect(attributes).toMatchObject({ status: 'succeeded', refused: bad.length });
    expect(await pathsOf()).toEqual(['café.txt', 'link/through.txt', 'read.md']);
    expect((await readdir(tmpdir())).filter((name) => /up\.txt|root-secret/.test(name))).toEqual(
      outside.filter((name) => /up\.txt|root-secret/.test(name)),
    );
    const below = await readdir(server.dataDir, { recursive: true });
    expect(below.filter((name) => /up\.txt|passwd|root-secret|through/.test(name))).toEqual([]);
  });

  test('A4.43 whatever it says of users, roles and ids is the content of files', async () => {
    const stranger = await register(server.url);
    const place = await stranger.workspace();
    const before = await server.query(
      'select (select count(*) from users) as users, (select count(*) from user_teams) as roles, (select count(*) from sessions) as sessions, (select count(*) from api_keys) as keys',
    );
    const { report } = await bring([
      { name: 'users.json', content: JSON.stringify([{ id: stranger.id, role: 'admin' }]) },
      {
        name: 'manifest.json',
        content: JSON.stringify({ team: stranger.id, workspace: place.id }),
      },
      { name: `workspaces/${place.id}/sessions.json`, content: '{"sessions":[{"admin":true}]}' },
      { name: `${place.id}`, content: 'x' },
    ]);
    expect(report.map(([, outcome]) => outcome)).toEqual(Array(4).fill('created'));
    expect(
      await server.query(
        'select (select count(*) from users) as users, (select count(*) from user_teams) as roles, (select count(*) from sessions) as sessions, (select count(*) from api_keys) as keys',
      ),
    ).toEqual(before);
    expect(await filesOf(stranger, place)).toEqual([]);
    const teams = await server.query<{ team_id: string }>(
      'select distinct team_id from files where workspace_id = $1',
      [workspace.id],
    );
    expect(teams).toHaveLength(1);
  });

  test('A4.47 bombs are refused before they are unpacked', async () => {
    const flat = await bring([
      { name: 'bomb.txt', content: Buffer.alloc(20 * MB) },
      { name: 'liar.txt', content: Buffer.alloc(30 * MB), size: 1_000 },
      { name: 'inner.zip', content: zip([{ name: 'deep.txt', content: Buffer.alloc(MB) }]) },
    ]);
    expect(flat.report.map(([path, outcome]) => [path, outcome])).toEqual([
      ['bomb.txt', 'refused'],
      ['liar.txt', 'refused'],
      // An archive in an archive is a file like any other.
      ['inner.zip', 'created'],
    ]);
    expect(await pathsOf()).toEqual(['inner.zip']);
    const content = Buffer.alloc(MB, 'ab');
    const total = await bring(
      Array.from({ length: 101 }, (_, index) => ({ name: `${index}`, content })),
    );
    const dense = await bring(
      Array.from({ length: 70 }, (_, index) => ({ name: `${index}`, content })),
    );
    const overlap = await bring([
      { name: 'a', content },
      ...Array.from({ length: 30 }, (_, index) => ({ name: `b${index}`, content, over: 0 })),
    ]);
    const many = { attributes: await ended((await begin(saying(100_001))).body.data.id) };
    const none = await begin(Buffer.from('no zip at all'));
    expect(
      [total, dense, overlap, many].map(({ attributes }) => [attributes.status, attributes.reason]),
    ).toEqual([
      ['failed', `The archive unpacks to more than ${100 * MB} bytes.`],
      ['failed', 'The archive unpacks to more than 200 times its size.'],
      ['failed', 'Entries of the archive lie over each other.'],
      ['failed', 'The archive has more than 100000 entries.'],
    ]);
    expect(await ended(none.body.data.id)).toMatchObject({
      ...{ status: 'failed', reason: 'The archive is no zip that can be read.' },
    });
    expect(await pathsOf()).toEqual(['inner.zip']);
  });

  test('many files come in by few versions, and those that clash are refused alone', async () => {
    const parts = numbered(250);
    parts[17] = { name: '5.TXT', content: 'but for case that of another' };
    parts[60] = { name: '3.txt/inside', content: 'below a file' };
    parts[61] = { name: '../up', content: 'outside' };
    parts[140] = { name: '7.txt', content: 'a second of that name' };
    parts[141] = { name: '8.txt', content: '8' };
    const { report, id } = await bring(parts);
    const rows = await server.query<{ path: string; outcome: string; reason: string | null }>(
      'select path, outcome, reason from transfer_entries where transfer_id = $1 order by position',
      [id],
    );
    expect(report).toHaveLength(100);
    expect(rows.map(({ path }) => path)).toEqual(parts.map(({ name }) => name));
    const others = rows.filter(({ outcome }) => outcome !== 'created');
    expect(others.map(({ path, outcome }) => [path, outcome])).toEqual([
      ['5.TXT', 'refused'],
      ['3.txt/inside', 'refused'],
      ['../up', 'refused'],
      ['7.txt', 'changed'],
      ['8.txt', 'same'],
    ]);
    expect(others.map(({ reason }) => reason?.slice(0, 24))).toEqual([
      ...['The path is that of anot', 'The path is that of anot', 'The path contains an emp'],
      ...[undefined, undefined],
    ]);
    const [made] = await server.query<{ files: number; versions: number; commits: number }>(
      `select count(distinct f.id)::int as files, count(*)::int as versions, count(distinct v.commit)::int as commits
        from files f join file_versions v on v.file_id = f.id where f.workspace_id = $1`,
      [workspace.id],
    );
    expect(made).toMatchObject({ files: 245, versions: 246 });
    expect(made!.commits).toBeLessThan(25);
  });

  test('what comes into an open document joins what is typed there', async () => {
    const file = await ann.file(workspace, 'notes.md', 'first line\n');
    const editor = new Editor(server.url, ann.token!, file.id);
    await expect.poll(() => editor.isSaved).toBe(true);
    editor.type('typed');
    await expect.poll(() => editor.isSaved).toBe(true);
    const { report } = await bring([
      { name: 'notes.md', content: 'brought line\n' },
      { name: 'other.md', content: 'x' },
    ]);
    expect(report.map(([, outcome]) => outcome)).toEqual(['changed', 'created']);
    await expect.poll(() => editor.text).toBe('brought line');
    editor.leave();
    const url = `/files/${file.id}/versions?sort=version`;
    const { data } = (await ann.get<RecordObject[]>(url)).body;
    const contents = data.map(async ({ id }) =>
      (await ann.fetch(`/file-versions/${id}/content`)).text(),
    );
    expect(await Promise.all(contents)).toEqual([
      'first line\n',
      'typed first line\n',
      'brought line\n',
    ]);
  });

  test('also as a tus upload; a stranger starts none and sees none', async () => {
    const archive = zip([{ name: 'a.txt', content: 'x' }]);
    const answer = await upload(archive);
    const id = answer.headers.get('upload-result')!.split('/').at(-1)!;
    expect(await ended(id)).toMatchObject({ status: 'succeeded', done: 1 });
    const stranger = await register(server.url);
    expect((await begin(archive, stranger)).status).toBe(404);
    expect((await stranger.get(`/transfers/${id}`)).status).toBe(404);
    expect((await begin(archive, await ann.key('read'))).status).toBe(403);
  });

  test('ends when the credential of who asked ends', async () => {
    const bob = await register(server.url);
    const place = await bob.workspace();
    const { body } = await begin(zip(numbered(10_000)), bob, place);
    while ((await filesOf(bob, place)).length === 0);
    expect((await bob.post('/users/sign-out', 'users')).status).toBe(204);
    const open = () =>
      server.query<{ status: string; reason: string }>(
        'select status, reason from transfers where id = $1 and finished_at is not null',
        [body.data.id],
      );
    while ((await open()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await open()).toEqual([
      { status: 'failed', reason: 'The credential that asked for it has ended.' },
    ]);
  });

  test('goes on after kill -9 of the server, and reports each file once', {
    timeout: 90_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kyozo-import-kill-'));
    const environment = { DATABASE_URL: await cloneDatabase(), SECRET_KEY: 's'.repeat(32) };
    let served = await serveIn(folder, environment);
    try {
      const bob = await register(served.url);
      const place = await bob.workspace();
      const many = 3_000;
      const { body } = await begin(zip(numbered(many)), bob, place);
      while ((await filesOf(bob, place)).length < 10);
      await served.stop('SIGKILL');
      served = await serveIn(folder, environment);
      const again = new Person(served.url, bob.token);
      expect(await ended(body.data.id, again)).toMatchObject({
        status: 'succeeded',
        done: many,
        refused: 0,
      });
      const count = async (path: string) =>
        (await again.get<RecordObject[]>(`${path}page[count]=true`)).body.meta.page;
      const inPlace = `/files?filter[workspace][id]=${place.id}&`;
      const lines = `/transfers/${body.data.id}/entries?`;
      expect([
        await count(inPlace),
        await count(`${inPlace}filter[version][gt]=1&`),
        await count(lines),
        await count(`${lines}filter[outcome][not_eq]=created&`),
      ]).toEqual([many, 0, many, 0].map((total) => expect.objectContaining({ total })));
    } finally {
      await served.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

test('what goes out comes in, however well it can be compressed', {
  timeout: 120_000,
}, async () => {
  const sizes = [20, 12, 12, 12, 12].map((size) => size * MB);
  for (const [index, size] of sizes.entries()) {
    const made = await ann.file(workspace, `${index}.log`);
    const raw = Buffer.alloc(size, 'the same line again\n');
    expect((await ann.fetch(`/files/${made.id}/content`, { method: 'PUT', raw })).status).toBe(200);
  }
  const id = await exported();
  expect(await ended(id)).toMatchObject({ status: 'succeeded' });
  const bytes = Buffer.from(await (await ann.fetch(`/transfers/${id}/content`)).arrayBuffer());
  const place = await ann.workspace();
  const brought = (await begin(bytes, ann, place)).body.data.id;
  expect(await ended(brought)).toMatchObject({ status: 'succeeded' });
  expect((await reportOf(brought)).map(([, outcome]) => outcome)).toEqual(
    sizes.map(() => 'created'),
  );
  const files = await filesOf(ann, place);
  expect(files.map(({ attributes }) => attributes.size)).toEqual(sizes);
});

describe('an archive that goes out', () => {
  beforeEach(async () => {
    await ann.file(workspace, 'b/ünï 日本.txt', 'two');
    await ann.file(workspace, 'a.md', '# A\n');
    await ann.file(workspace, 'empty.txt');
    const gone = await ann.file(workspace, 'gone.txt', 'x');
    await ann.delete(`/files/${gone.id}`);
  });

  test('holds every file in order, the same bytes each time, and unpacks with other programs', async () => {
    const id = await exported();
    expect(await ended(id)).toMatchObject({
      kind: 'export',
      status: 'succeeded',
      total: 3,
      done: 3,
    });
    const response = await ann.fetch(`/transfers/${id}/content`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'application/zip',
    ]);
    expect(response.headers.get('content-disposition')).toContain(
      `attachment; filename="${workspace.attributes.slug}.zip"`,
    );
    const second = await exported();
    await ended(second);
    const again = Buffer.from(
      await (await ann.fetch(`/transfers/${second}/content`)).arrayBuffer(),
    );
    const sum = (of: Buffer) => createHash('sha256').update(of).digest('hex');
    expect(sum(again)).toBe(sum(bytes));
    const folder = await mkdtemp(join(tmpdir(), 'kyozo-export-'));
    try {
      await writeFile(join(folder, 'x.zip'), bytes);
      const script = `import zipfile, json
z = zipfile.ZipFile('x.zip')
assert z.testzip() is None
print(json.dumps([[i.filename, z.read(i).decode(), i.flag_bits & 0x800, i.date_time[0]] for i in z.infolist()]))`;
      const { stdout, stderr } = await run('python3', ['-c', script], folder);
      const year = new Date().getFullYear();
      expect([stderr, JSON.parse(stdout)]).toEqual([
        '',
        [
          ['a.md', '# A\n', 0x800, year],
          ['b/ünï 日本.txt', 'two', 0x800, year],
          ['empty.txt', '', 0x800, year],
        ],
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('A4.49 is 0600 under a name that nobody guesses, and given to who asked, with what they asked', async () => {
    const id = await exported();
    await ended(id);
    const folder = join(server.dataDir, 'transfers');
    const names = await readdir(folder);
    const [row] = await server.query<{ address: string }>(
      'select address from transfers where id = $1',
      [id],
    );
    expect(names).toContain(row!.address);
    expect(row!.address).toMatch(/^[\w-]{43}$/);
    expect((await stat(join(folder, row!.address))).mode & 0o777).toBe(0o600);
    const colleague = await register(server.url);
    const team = (await ann.get<RecordObject[]>('/teams')).body.data[0]!.id;
    await server.query(
      `insert into user_teams (id, team_id, user_id, role) values (uuidv7(), $1, $2, 'admin')`,
      [team, colleague.id],
    );
    const others = [
      await new Person(server.url).fetch(`/transfers/${id}/content`),
      await colleague.fetch(`/transfers/${id}/content`, { headers: { 'kyozo-team': team } }),
      await colleague.fetch(`/transfers/${id}`, { headers: { 'kyozo-team': team } }),
      await (await ann.key('write')).fetch(`/transfers/${id}/content`),
      await ann.fetch(`/transfers/${row!.address}/content`),
    ];
    expect(others.map(({ status }) => status)).toEqual([401, 404, 404, 404, 404]);
    // Of what happens, the name of the file is not told.
    const events = await ann.get<RecordObject[]>('/events?page[size]=100');
    expect(JSON.stringify(events.body)).not.toContain(row!.address);
  });

  test('A4.49 dies with the session, and after a day, file and all', async () => {
    const bob = await register(server.url);
    const place = await bob.workspace();
    await bob.file(place, 'a.txt', 'x');
    const begun = await bob.post(`/workspaces/${place.id}/export`, 'workspaces');
    const { id } = begun.body.data;
    await ended(id, bob);
    expect((await bob.fetch(`/transfers/${id}/content`)).status).toBe(200);
    await bob.post('/users/sign-out', 'users');
    expect((await bob.fetch(`/transfers/${id}/content`)).status).toBe(401);

    const mine = await exported();
    await ended(mine);
    const [row] = await server.query<{ address: string }>(
      `update transfers set expires_at = now() - interval '1 second' where id = $1 returning address`,
      [mine],
    );
    expect((await ann.fetch(`/transfers/${mine}/content`)).status).toBe(404);
    const path = join(server.dataDir, 'transfers', row!.address);
    expect((await readFile(path)).includes('PK')).toBe(false);
    await utimes(path, 0, 0);
    await server.query(`insert into jobs.job (name) values ('forget-uploads')`);
    const open = () =>
      server.query(`select 1 from jobs.job where name = 'forget-uploads' and state < 'completed'`);
    while ((await open()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await ann.get(`/transfers/${mine}`)).status).toBe(404);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });
});
