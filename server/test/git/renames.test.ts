import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startSpawner } from '../../src/spawn/spawner.ts';
import { renamesBetween } from '../../src/workspaces/push-git.ts';
import { open, until } from '../collaboration/editor.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, bare, git, must, temporary } from './repository.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let place: Awaited<ReturnType<typeof temporary>>;
let clone: string;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
  place = await temporary();
  await must(place.folder, 'clone', '-q', await addressOf(ann, workspace), 'clone');
  clone = join(place.folder, 'clone');
});
afterEach(async () => {
  const checked = await git(bare(server, workspace), 'fsck', '--full', '--strict', '--no-dangling');
  expect([checked.ok, checked.out]).toEqual([true, '']);
  await place.remove();
});

const long = (name: string) =>
  Array.from({ length: 30 }, (_, at) => `${name} says line ${at} of its own\n`).join('');

test('13.A7 a rename by push keeps the record: id, versions, metadata, runs and the open editor', async () => {
  const text = `# Plan\n\n${long('plan')}\n\`\`\`js {name=one}\n1 + 1\n\`\`\`\n`;
  const file = await ann.file(workspace, 'plan.md', text);
  await ann.patch(`/files/${file.id}`, file, { metadata: { owner: 'Ann' } });
  await put(`/files/${file.id}/content`, `${text}\nMore.\n`);
  const notebook = (await ann.get(`/files/${file.id}/notebook`)).body.data;
  const run = (await ann.post(`/notebooks/${notebook.id}/runs`, 'notebooks', {})).body.data;
  await pull();
  const editor = await open(ann.url, ann.token, file.id);
  await move('plan.md', 'docs/plan.md');
  await push('Move');
  const moved = (await filesByPath())['docs/plan.md']!;
  expect(moved.id).toBe(file.id);
  expect(moved.attributes).toMatchObject({
    version: 2,
    metadata: { owner: 'Ann' },
    name: 'plan.md',
  });
  expect((await ann.get(`/files/${file.id}/notebook`)).body.data.id).toBe(notebook.id);
  expect((await ann.get(`/task-runs/${run.id}`)).status).toBe(200);
  editor.type('TYPED');
  await until(() => editor.isSaved);
  editor.leave();
  await ann.post(`/files/${file.id}/versions`, 'files', {});
  await pull();
  expect(await readFile(join(clone, 'docs/plan.md'), 'utf8')).toContain('TYPED');
  expect((await git(clone, 'ls-files')).out).toBe('docs/plan.md');
});

test('13.A7 a rename with an edit, of a folder, of case only, and out of folders keeps each record', async () => {
  const ids = await seed({
    'a.md': long('a'),
    'old/x.md': long('x'),
    'old/deep/y.md': long('y'),
    'Readme.md': long('readme'),
    'in/z.md': long('z'),
  });
  await write('a.md', `${long('a')}one more\n`);
  await move('a.md', 'b.md');
  await move('old', 'new');
  await move('Readme.md', 'README.md');
  await move('in/z.md', 'z.md');
  await push('Rename');
  expect(await idsByPath()).toEqual({
    'b.md': ids['a.md'],
    'new/x.md': ids['old/x.md'],
    'new/deep/y.md': ids['old/deep/y.md'],
    'README.md': ids['Readme.md'],
    'z.md': ids['in/z.md'],
  });
  const { 'b.md': edited, 'z.md': same } = await filesByPath();
  expect([edited!.attributes.version, same!.attributes.version]).toEqual([2, 1]);
  const content = await (await ann.fetch(`/files/${edited!.id}/content`)).text();
  expect(content).toBe(`${long('a')}one more\n`);
});

test('13.A7 swaps, chains and renames onto a deleted path keep each record', async () => {
  const ids = await seed({
    'a.md': long('a'),
    'b.md': long('b'),
    'one.md': long('one'),
    'two.md': long('two'),
    'gone.md': long('gone'),
    'mover.md': long('mover'),
    'x1.md': 'same but 1\nsame\nsame\nsame\nsame\n',
    'x2.md': 'same but 2\nsame\nsame\nsame\nsame\n',
  });
  await swap('a.md', 'b.md');
  await swap('x1.md', 'x2.md');
  await move('two.md', 'three.md');
  await move('one.md', 'two.md');
  await move('mover.md', 'gone.md');
  await push('Swap');
  expect(await idsByPath()).toEqual({
    'a.md': ids['b.md'],
    'b.md': ids['a.md'],
    'x1.md': ids['x2.md'],
    'x2.md': ids['x1.md'],
    'two.md': ids['one.md'],
    'three.md': ids['two.md'],
    'gone.md': ids['mover.md'],
  });
  const trashed = await server.query<{ id: string }>(
    'select id from files where workspace_id = $1 and deleted_at is not null',
    [workspace.id],
  );
  expect(trashed).toEqual([{ id: ids['gone.md'] }]);
});

test('13.A7 a push that renames a folder of 6,000 files is taken', {
  timeout: 60_000,
}, async () => {
  await mkdir(join(clone, 'a'));
  for (let at = 0; at < 6_000; at += 1) await writeFile(join(clone, 'a', `${at}`), `${at}\n`);
  await push('Add');
  const { id } = (await fileAt('a/77'))!;
  await rename(join(clone, 'a'), join(clone, 'b'));
  await push('Rename the folder');
  expect((await fileAt('b/77'))!.id).toBe(id);
});

test('13.A7 a copy keeps the record with the original, also when the original changes', async () => {
  const ids = await seed({ 'a.md': long('a'), 'b.md': long('b') });
  await write('copy-a.md', long('a'));
  await write('copy-b.md', long('b'));
  await write('b.md', long('something else'));
  await push('Copy');
  const now = await idsByPath();
  expect([now['a.md'], now['b.md']]).toEqual([ids['a.md'], ids['b.md']]);
  expect([ids['a.md'], ids['b.md']]).not.toContain(now['copy-b.md']);
});

test('13.A7 a rename is merged with what was written here meanwhile, on either side', async () => {
  const ids = await seed({ 'a.md': long('a'), 'b.md': long('b'), 'taken.md': long('t') });
  await move('a.md', 'pushed.md');
  await write('b.md', long('b').replace('line 20', 'line TWENTY'));
  await move('taken.md', 'clash.md');
  await commit('Move and edit');
  const key = (await ann.key('read', 'write')).token;
  const curl = `curl -sf -H 'authorization: Bearer ${key}'`;
  const files = `${ann.url}/api/v1/files`;
  const edited = long('a').replace('line 3', 'line THREE');
  await writeFile(join(place.folder, 'edited'), edited);
  const patch = { data: { type: 'files', id: ids['b.md'], attributes: { path: 'here.md' } } };
  const clash = {
    data: {
      type: 'files',
      attributes: { path: 'clash.md', content: 'mine\n' },
      relationships: { workspace: { data: { type: 'workspaces', id: workspace.id } } },
    },
  };
  const json = `-H 'content-type: application/vnd.api+json'`;
  const hook = [
    '#!/bin/sh',
    `${curl} -X PUT -H 'content-type: text/markdown' --data-binary @${place.folder}/edited ${files}/${ids['a.md']}/content`,
    `${curl} -X PATCH ${json} --data '${JSON.stringify(patch)}' ${files}/${ids['b.md']}`,
    `${curl} -X POST ${json} --data '${JSON.stringify(clash)}' ${files}`,
  ];
  await writeFile(join(clone, '.git/hooks/pre-push'), `${hook.join('\n')}\n`, { mode: 0o755 });
  const pushed = await git(clone, 'push', 'origin', 'HEAD:main');
  expect(pushed.said).toContain('your push was merged');
  const now = await idsByPath();
  expect(Object.keys(now).sort()).toEqual(['clash.md', 'here.md', 'pushed.md']);
  expect([now['pushed.md'], now['here.md']]).toEqual([ids['a.md'], ids['b.md']]);
  const read = async (id: string) => (await ann.fetch(`/files/${id}/content`)).text();
  expect(await read(ids['a.md']!)).toBe(edited);
  expect(await read(ids['b.md']!)).toContain('line TWENTY');
  await rm(join(clone, '.git/hooks/pre-push'));
  await pull();
  expect(await readFile(join(clone, 'pushed.md'), 'utf8')).toBe(edited);
  expect((await must(clone, 'ls-files')).split('\n')).toEqual(['clash.md', 'here.md', 'pushed.md']);
});

test('13.A7 the merge of a branch with renames keeps each record', async () => {
  const ids = await seed({ 'a.md': long('a'), 'b.md': long('b'), 'c.md': long('c') });
  await must(clone, 'checkout', '-q', '-b', 'topic');
  await move('a.md', 'moved/a.md');
  await swap('b.md', 'c.md');
  await commit('Move');
  await must(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/topic');
  const text = long('a').replace('line 7', 'line SEVEN');
  await put(`/files/${ids['a.md']}/content`, text);
  const branches = (await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/branches`)).body
    .data;
  const topic = branches.find(({ attributes }) => attributes.name === 'topic')!;
  const merged = await ann.post(`/branches/${topic.id}/merge`, 'branches', {});
  expect(merged.status).toBe(200);
  expect(await idsByPath()).toEqual({
    'moved/a.md': ids['a.md'],
    'b.md': ids['c.md'],
    'c.md': ids['b.md'],
  });
  expect(await (await ann.fetch(`/files/${ids['a.md']}/content`)).text()).toBe(text);
});

test('13.A7 past the bound of what git compares, exact renames are found all the same', async () => {
  await seed({ 'a.md': long('a'), 'b.md': long('b'), 'c.md': long('c') });
  await move('a.md', 'moved-a.md');
  await move('b.md', 'moved-b.md');
  await write('moved-b.md', `${long('b')}more\n`);
  await move('c.md', 'moved-c.md');
  await write('moved-c.md', `${long('c')}more\n`);
  await commit('Move');
  const spawner = await startSpawner();
  const view = { repository: join(clone, '.git') };
  const [older, newer] = [
    await must(clone, 'rev-parse', 'HEAD~1'),
    await must(clone, 'rev-parse', 'HEAD'),
  ];
  const within = async (files: number) =>
    Object.fromEntries(
      await renamesBetween(spawner, view, older, newer, { files, milliseconds: 10_000 }),
    );
  expect(await within(1_000)).toEqual({
    'moved-a.md': 'a.md',
    'moved-b.md': 'b.md',
    'moved-c.md': 'c.md',
  });
  expect(await within(1)).toEqual({ 'moved-a.md': 'a.md' });
  await spawner.close();
});

test('13.A7 a folder of a thousand files moves in one push', { timeout: 120_000 }, async () => {
  const names = Array.from({ length: 1_000 }, (_, at) => `old/${at % 20}/file-${at}.md`);
  await seed(Object.fromEntries(names.map((name) => [name, `# ${name}\n`])));
  const before = await server.query<{ id: string }>(
    'select id from files where workspace_id = $1 order by id',
    [workspace.id],
  );
  await move('old', 'new');
  const start = performance.now();
  await push('Move the folder');
  const took = performance.now() - start;
  const after = await server.query<{ id: string }>(
    `select id from files where workspace_id = $1 and path like 'new/%' and version = 1 and deleted_at is null order by id`,
    [workspace.id],
  );
  expect(after).toEqual(before);
  expect(took).toBeLessThan(30_000);
});

test('13.A9 a mode that only a push changes is kept by renames and merges', async () => {
  const ids = await seed({ 'run.sh': long('run') });
  await chmod(join(clone, 'run.sh'), 0o755);
  await push('Make it a program');
  await ann.patch(
    `/files/${ids['run.sh']}`,
    { type: 'files', id: ids['run.sh']! },
    { path: 'bin/run.sh' },
  );
  await pull();
  expect(await must(clone, 'ls-files', '-s')).toMatch(/^100755 .*bin\/run\.sh$/);
  await move('bin/run.sh', 'go.sh');
  await write('go.sh', `${long('run')}exit\n`);
  await push('Move it');
  expect(await idsByPath()).toEqual({ 'go.sh': ids['run.sh'] });
  await put(`/files/${ids['run.sh']}/content`, 'new\n');
  await pull();
  expect(await must(clone, 'ls-files', '-s')).toMatch(/^100755 .*go\.sh$/);
});

test('13.A9 the executable bit is kept by trash and restore, versions, and the API', async () => {
  const ids = await seed({ 'run.sh': long('run'), 'plain.md': long('plain') });
  const id = ids['run.sh']!;
  const record = { type: 'files', id };
  const modes = async () => {
    await pull();
    const lines = (await must(clone, 'ls-files', '-s')).split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(line.indexOf('\t') + 1), line.slice(0, 6)]),
    );
  };
  await ann.patch(`/files/${id}`, record, { executable: true });
  expect(await modes()).toEqual({ 'run.sh': '100755', 'plain.md': '100644' });
  await ann.delete(`/files/${id}`);
  expect(await modes()).toEqual({ 'plain.md': '100644' });
  await ann.post(`/files/${id}/restore`, 'files', {});
  expect((await modes())['run.sh']).toBe('100755');
  await put(`/files/${id}/content`, 'second\n');
  await ann.post(`/files/${id}/restore`, 'files', { version: 1 });
  await ann.patch(`/files/${id}`, record, { path: 'deep/er/go.sh' });
  expect((await modes())['deep/er/go.sh']).toBe('100755');
  const { attributes } = (await ann.get(`/files/${id}`)).body.data;
  expect(attributes).toMatchObject({ executable: true, version: 3 });
  await ann.patch(`/files/${id}`, record, { executable: false });
  expect((await modes())['deep/er/go.sh']).toBe('100644');
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  const empty = { path: 'new.sh', executable: true };
  const made = (await ann.post('/files', 'files', empty, relationships)).body.data;
  await put(`/files/${made.id}/content`, '#!/bin/sh\n');
  await ann.post(
    '/files',
    'files',
    { path: 'b.sh', content: 'b', executable: true },
    relationships,
  );
  expect(await modes()).toMatchObject({ 'new.sh': '100755', 'b.sh': '100755' });
});

async function put(path: string, body: string): Promise<void> {
  const headers = { authorization: `Bearer ${ann.token}`, 'content-type': 'text/markdown' };
  const answer = await fetch(`${ann.url}/api/v1${path}`, { method: 'PUT', headers, body });
  expect(answer.status).toBe(200);
}

async function seed(texts: Record<string, string>): Promise<Record<string, string>> {
  for (const [path, text] of Object.entries(texts)) await write(path, text);
  await push('Seed');
  return idsByPath();
}

async function write(path: string, text: string): Promise<void> {
  const file = join(clone, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

async function move(from: string, to: string): Promise<void> {
  await mkdir(dirname(join(clone, to)), { recursive: true });
  await rename(join(clone, from), join(clone, to));
}

async function swap(one: string, other: string): Promise<void> {
  await move(one, 'aside');
  await move(other, one);
  await move('aside', other);
}

async function commit(message: string): Promise<void> {
  await must(clone, 'add', '-A');
  await must(clone, 'commit', '-qm', message);
}

async function push(message: string): Promise<void> {
  await commit(message);
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
}

const pull = () => must(clone, 'pull', '-q', '--ff-only', 'origin', 'main');

async function filesByPath(): Promise<Record<string, RecordObject>> {
  const url = `/workspaces/${workspace.id}/files?page[limit]=100`;
  const files = (await ann.get<RecordObject[]>(url)).body.data;
  return Object.fromEntries(files.map((file) => [file.attributes.path as string, file]));
}

async function idsByPath(): Promise<Record<string, string>> {
  const files = await filesByPath();
  return Object.fromEntries(Object.entries(files).map(([path, { id }]) => [path, id]));
}

async function fileAt(path: string): Promise<RecordObject | undefined> {
  const url = `/workspaces/${workspace.id}/files?filter[path]=${path}`;
  return (await ann.get<RecordObject[]>(url)).body.data[0];
}
