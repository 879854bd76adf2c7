import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { open, until } from '../collaboration/editor.ts';
import { addressOf, bare, must, temporary } from '../git/repository.ts';
import { type Answer, type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from './sse.ts';

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
  clone = join(place.folder, 'clone');
});
afterEach(async () => {
  const said = await must(bare(server, workspace), 'fsck', '--full', '--strict', '--no-dangling');
  await place.remove();
  expect(said).toBe('');
});

type Side = { size: number; text: string | null } | null;
type Told = { path: string; id: string; ours: Side; theirs: Side; parts: object[] | null };
type Refusal = { meta: { files: Told[]; total: number } };
type BranchEvent = { name: string; type: string; recordId: string; data: object };

const five = 'one\n\ntwo\n\nthree\n\nfour\n\nfive\n';

test('a pushed branch is a record, with what it holds and how far it has parted', async () => {
  await ann.file(workspace, 'a.md', five);
  await cloneIt();
  await onBranch('feature/x', {
    'a.md': five.replace('two', 'TWO'),
    'new.txt': 'new\nlines\n',
    'data.bin': Buffer.from([0, 255, 1]),
  });
  await ann.file(workspace, 'later.md', 'later\n');
  const [branch, main] = await branches();
  expect(branch!.attributes).toMatchObject({
    ...{ name: 'feature/x', ahead: 1, behind: 1, message: 'Work on it' },
    authors: [{ name: 'Gil', email: 'gil@example.com' }],
    head: await must(clone, 'rev-parse', 'HEAD'),
  });
  expect(branch!.relationships.workspace!.data).toEqual({ type: 'workspaces', id: workspace.id });
  expect(main!.attributes).toMatchObject({ name: 'main', ahead: 0, behind: 0 });

  const changes = await ann.get(`/branches/${branch!.id}/changes`);
  expect(changes.body.meta).toMatchObject({
    total: 3,
    files: [
      { path: 'a.md', kind: 'changed', additions: 1, deletions: 1, binary: false },
      { path: 'data.bin', kind: 'added', additions: null, deletions: null, binary: true },
      { path: 'new.txt', kind: 'added', additions: 2, deletions: 0, binary: false },
    ],
  });
  const diff = await ann.fetch(`/branches/${branch!.id}/changes?filePath=a.md`);
  expect(await diff.text()).toContain('-two\n+TWO\n');
  expect((await ann.get(`/branches/${branch!.id}/changes?filePath=data.bin`)).status).toBe(422);
  expect((await ann.get(`/branches/${branch!.id}/changes?filePath=later.md`)).status).toBe(404);

  const query = `{ workspace(id: "${workspace.id}") { branches { edges { node { name ahead behind } } } } }`;
  expect((await ann.graphql(query)).data).toEqual({
    workspace: {
      branches: {
        edges: [
          { node: { name: 'feature/x', ahead: 1, behind: 1 } },
          { node: { name: 'main', ahead: 0, behind: 0 } },
        ],
      },
    },
  });
});

test('a branch is made, seen by git, removed and brought back; main stays', async () => {
  const empty = await create('early');
  expect([empty.status, empty.body.errors[0]!.code]).toEqual([409, 'conflict']);
  await ann.file(workspace, 'a.md', five);
  const made = await create('topic');
  expect(made.status).toBe(201);
  expect(made.body.data.attributes).toMatchObject({ name: 'topic', ahead: 0, behind: 0 });
  const { id } = made.body.data;
  const head = made.body.data.attributes.head as string;
  expect((await create('topic')).status).toBe(409);
  expect((await create('main')).status).toBe(409);
  expect((await create('topic/below')).status).toBe(409);
  for (const name of ['-x', 'a..b', 'a b', 'x.lock', 'HEAD']) {
    const refused = await create(name);
    expect([name, refused.status]).toEqual([name, 422]);
    expect(refused.body.errors[0]!.source).toEqual({ pointer: '/data/attributes/name' });
  }
  expect((await create('other', 'nowhere')).status).toBe(422);
  expect((await create('other', 'f'.repeat(40))).status).toBe(422);
  await cloneIt();
  expect(await must(clone, 'rev-parse', 'origin/topic')).toBe(head);

  await onBranch('topic', { 'b.md': 'b\n' }, 'origin/topic');
  const pushed = await must(clone, 'rev-parse', 'HEAD');
  expect((await ann.delete(`/branches/${id}`)).status).toBe(204);
  expect((await ann.get(`/branches/${id}`)).status).toBe(404);
  expect(await must(clone, 'ls-remote', 'origin', 'topic')).toBe('');
  const back = await create('topic', pushed);
  expect(back.body.data.attributes).toMatchObject({ head: pushed, ahead: 1, behind: 0 });
  const main = (await branches()).find(({ attributes }) => attributes.name === 'main')!;
  const refused = await ann.delete(`/branches/${main.id}`);
  expect([refused.status, refused.body.errors[0]!.detail]).toEqual([
    409,
    'main cannot be deleted.',
  ]);
});

test('a clean merge makes a commit of both, files, versions and events, with a document open', async () => {
  const file = await ann.file(workspace, 'a.md', five);
  const gone = await ann.file(workspace, 'gone.md', 'gone\n');
  await cloneIt();
  await must(clone, 'rm', '-q', 'gone.md');
  await onBranch('topic', { 'a.md': five.replace('five', 'FIVE'), 'dir/new.md': '# New\n' });
  const pushed = await must(clone, 'rev-parse', 'HEAD');
  const editor = await open(ann.url, ann.token, file.id);
  editor.type('TYPED');
  await until(() => editor.isSaved);
  const { id } = await branchNamed('topic');
  const merged = await merge(id);
  expect(merged.status).toBe(200);
  expect(merged.body.meta).toMatchObject({ files: 3 });
  expect(merged.body.data.attributes).toMatchObject({ ahead: 0 });
  await until(() => editor.text.includes('FIVE'));
  expect(editor.text).toContain('TYPED');
  editor.leave();

  await must(clone, 'fetch', '-q');
  expect(await must(clone, 'rev-parse', 'origin/main')).toBe(merged.body.meta.commit);
  expect(await must(clone, 'rev-parse', 'origin/main^2')).toBe(pushed);
  expect(await must(clone, 'log', '-1', '--format=%an %s', 'origin/main')).toBe(
    "Ann Merge branch 'topic'",
  );
  expect(Object.keys(await contents()).sort()).toEqual(['a.md', 'dir/new.md']);
  expect((await contents())['a.md']).toMatch(/TYPED[\s\S]*FIVE/);
  const names = await server.query<{ name: string; record_id: string }>(
    'select name, record_id from events where record_id = $1',
    [gone.id],
  );
  expect(names.map(({ name }) => name)).toContain('file.deleted');
  const again = await merge(id);
  expect([again.status, again.body.meta]).toEqual([
    200,
    { commit: merged.body.meta.commit, files: 0 },
  ]);
});

test('conflicts are listed with both sides and nothing is merged, until each is resolved', async () => {
  const texts = ['ours.txt', 'theirs.txt', 'both.txt', 'kept.txt', 'dropped.txt'];
  const made = new Map<string, RecordObject>();
  for (const path of texts) made.set(path, await ann.file(workspace, path, 'a\nb\nc\n'));
  await cloneIt();
  await must(clone, 'rm', '-q', 'dropped.txt');
  const branchText = 'a\nbranch\nc\n';
  await onBranch('topic', {
    ...Object.fromEntries(texts.slice(0, 4).map((path) => [path, branchText])),
    'also.txt': 'also\n',
  });
  for (const path of ['ours.txt', 'theirs.txt', 'both.txt', 'dropped.txt']) {
    await ann.fetch(`/files/${made.get(path)!.id}/content`, {
      method: 'PUT',
      raw: 'a\nmain\nc\n',
    });
  }
  await ann.delete(`/files/${made.get('kept.txt')!.id}`);
  const editor = await open(ann.url, ann.token, made.get('both.txt')!.id);
  const { id } = await branchNamed('topic');
  const before = await contents();
  const refused = await merge(id);
  expect(refused.status).toBe(409);
  const [error] = refused.body.errors as unknown as { meta: { files: object[]; total: number } }[];
  const [main, branch] = [
    { size: 9, text: 'a\nmain\nc\n' },
    { size: 11, text: branchText },
  ];
  const parts = [{ text: 'a\n' }, { ours: 'main\n', theirs: 'branch\n' }, { text: 'c\n' }];
  const named = expect.stringMatching(/^\w+\.\.\w+$/);
  expect(error!.meta).toEqual({
    total: 5,
    files: [
      { path: 'both.txt', id: named, ours: main, theirs: branch, parts },
      { path: 'dropped.txt', id: named, ours: main, theirs: null, parts: null },
      { path: 'kept.txt', id: named, ours: null, theirs: branch, parts: null },
      { path: 'ours.txt', id: named, ours: main, theirs: branch, parts },
      { path: 'theirs.txt', id: named, ours: main, theirs: branch, parts },
    ],
  });
  expect((await merge(id, { 'ours.txt': 'ours' })).status).toBe(409);
  expect((await merge(id, { 'ours.txt': 'mine' })).status).toBe(422);
  expect((await merge(id, ['ours'])).status).toBe(422);
  expect(await contents()).toEqual(before);
  const mutation = `mutation($id: ID!, $input: MergeBranchInput) {
    mergeBranch(id: $id, input: $input) { result { name ahead } meta errors { code } } }`;
  const told = await ann.graphql<{ mergeBranch: object }>(mutation, { id });
  expect(told.data.mergeBranch).toMatchObject({
    ...{ result: null, errors: [{ code: 'conflict' }], meta: { total: 5 } },
  });
  const resolution = {
    ...{ 'ours.txt': 'ours', 'theirs.txt': 'theirs', 'both.txt': 'both' },
    ...{ 'kept.txt': 'theirs', 'dropped.txt': 'theirs' },
  };
  const merged = await ann.graphql<{ mergeBranch: object }>(mutation, {
    ...{ id, input: { resolution } },
  });
  expect(merged.data.mergeBranch).toMatchObject({
    ...{ result: { name: 'topic', ahead: 0 }, errors: [] },
  });
  expect(await contents()).toEqual({
    'also.txt': 'also\n',
    'ours.txt': 'a\nmain\nc\n',
    'theirs.txt': branchText,
    'both.txt': 'a\n<<<<<<< main\nmain\n=======\nbranch\n>>>>>>> topic\nc\n',
    'kept.txt': branchText,
  });
  await until(() => editor.text.includes('<<<<<<< main'));
  editor.leave();
  await must(clone, 'fetch', '-q');
  const tree = await must(clone, 'ls-tree', '-r', '--name-only', 'origin/main');
  expect(tree.split('\n').sort()).toEqual(Object.keys(await contents()).sort());
});

test('of very many conflicts those are told first that nothing is decided of', async () => {
  const names = Array.from({ length: 103 }, (_, at) => `${String(at).padStart(3, '0')}.txt`);
  const all = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
  await ann.file(workspace, 'a.md', 'a\n');
  await cloneIt();
  await onBranch('topic', all('branch\n'));
  await onBranch('other', all('other\n'), 'origin/main');
  expect((await merge((await branchNamed('other')).id)).status).toBe(200);
  const { id } = await branchNamed('topic');
  const told = async (resolution: Record<string, string>) => {
    const [error] = (await merge(id, resolution)).body.errors as unknown as Refusal[];
    expect(error!.meta.total).toBe(103);
    return error!.meta.files.map(({ path }) => path);
  };
  expect(await told({})).toEqual(names.slice(0, 100));
  const most = Object.fromEntries(names.slice(0, 100).map((name) => [name, 'theirs']));
  expect((await told(most)).slice(0, 4)).toEqual([...names.slice(100), names[0]]);
  const rest = Object.fromEntries(names.slice(100).map((name) => [name, 'ours']));
  expect((await merge(id, { ...most, ...rest })).status).toBe(200);
  await must(clone, 'fetch', '-q');
  const merged = ['000', '099', '100'].map((name) => `origin/main:${name}.txt`);
  expect(await must(clone, 'show', ...merged)).toBe('branch\nbranch\nother');
});

test('a conflict is resolved by a text, which an older conflict does not undo', async () => {
  const written = await ann.file(workspace, 'dir/a.md', five);
  await ann.file(workspace, 'b.md', five);
  await cloneIt();
  const changed = (word: string) => five.replace('three', word);
  await onBranch('topic', { 'dir/a.md': changed('branch'), 'b.md': changed('branch') });
  const write = (raw: string) => ann.fetch(`/files/${written.id}/content`, { method: 'PUT', raw });
  await write(changed('main'));
  const { id } = await branchNamed('topic');
  const conflictIn = async (resolution?: object) => {
    const refused = await merge(id, resolution);
    expect(refused.status).toBe(409);
    return (refused.body.errors as unknown as Refusal[])[0]!.meta.files[0]!;
  };
  const first = await conflictIn();
  expect(first).toMatchObject({ path: 'dir/a.md', parts: { length: 3 } });
  // Main moves on: what was written for the conflict before decides nothing.
  await write(changed('main again'));
  const text = changed('main and branch');
  const second = await conflictIn({ 'dir/a.md': { text, conflict: first.id } });
  expect(second.id).not.toBe(first.id);
  expect(second.ours!.text).toBe(changed('main again'));
  const resolution = { 'dir/a.md': { text, conflict: second.id } };
  expect((await merge(id, resolution)).status).toBe(200);
  expect(await contents()).toEqual({ 'dir/a.md': text, 'b.md': changed('branch') });
  await must(clone, 'fetch', '-q');
  expect(await must(clone, 'show', 'origin/main:dir/a.md')).toBe(text.trimEnd());
});

test('what resolves no conflict is refused with the file that it names, on both edges', async () => {
  const bytes = (last: number) => Buffer.from([0, 255, last]);
  const files = ['a~b/c.txt', 'data.bin', 'turned'].map((path) =>
    ann.file(workspace, path, path === 'data.bin' ? '' : 'a\n'),
  );
  const [text, binary, turned] = await Promise.all(files);
  const put = ({ id }: RecordObject, raw: string | Uint8Array) =>
    ann.fetch(`/files/${id}/content`, { method: 'PUT', raw });
  await put(binary!, bytes(0));
  await cloneIt();
  await onBranch('topic', {
    ...{ 'a~b/c.txt': 'branch\n', turned: 'branch\n', 'data.bin': bytes(1) },
    'clean.txt': 'clean\n',
  });
  await Promise.all([put(text!, 'main\n'), put(binary!, bytes(2)), put(turned!, bytes(3))]);
  const { id } = await branchNamed('topic');
  const told = (await merge(id)).body.errors as unknown as Refusal[];
  // What lies outside git is told as what it is, not as the pointer in the tree.
  expect(told[0]!.meta.files).toMatchObject([
    { path: 'a~b/c.txt', parts: [{ ours: 'main\n', theirs: 'branch\n' }] },
    {
      path: 'data.bin',
      ours: { size: 3, text: null },
      theirs: { size: 3, text: null },
      parts: null,
    },
    { path: 'turned', ours: { size: 3, text: null }, theirs: { text: 'branch\n' }, parts: null },
  ]);
  const before = await contents();
  const rest = { 'data.bin': 'ours', turned: 'ours' };
  const wrong: [object, string, RegExp][] = [
    [{ 'a~b/c.txt': 'mine' }, 'a~0b~1c.txt', /must be one of ours, theirs, both, or a text/],
    [{ 'a~b/c.txt': { text: 1 } }, 'a~0b~1c.txt', /or a text/],
    [{ 'a~b/c.txt': { text: '', more: 1 } }, 'a~0b~1c.txt', /or a text/],
    [{ 'a~b/c.txt': null }, 'a~0b~1c.txt', /or a text/],
    [{ 'a~b/c.txt': ['ours'] }, 'a~0b~1c.txt', /or a text/],
    [{ 'a~b/c.txt': { text: 'ü'.repeat(2 ** 20 + 1) } }, 'a~0b~1c.txt', /at most 2097152 bytes/],
    [{ 'clean.txt': { text: 'x' } }, 'clean.txt', /is not in conflict/],
    [{ 'none.txt': 'ours' }, 'none.txt', /is not in conflict/],
    [{ 'data.bin': { text: 'x' } }, 'data.bin', /not a text on both sides/],
    [{ turned: { text: 'x' } }, 'turned', /not a text on both sides/],
  ];
  for (const [given, path, sentence] of wrong) {
    const { status, body } = await merge(id, { ...rest, ...given });
    expect([given, status]).toEqual([given, 422]);
    expect(body.errors).toEqual([
      expect.objectContaining({
        detail: expect.stringMatching(sentence),
        source: { pointer: `/data/attributes/resolution/${path}` },
      }),
    ]);
    const mutation = `mutation($id: ID!, $input: MergeBranchInput) {
      mergeBranch(id: $id, input: $input) { errors { code fields message } } }`;
    const input = { resolution: { ...rest, ...given } };
    const answer = await ann.graphql<{ mergeBranch: object }>(mutation, { id, input });
    expect(answer.data.mergeBranch).toEqual({
      errors: [{ code: 'invalid', fields: ['resolution'], message: body.errors[0]!.detail }],
    });
  }
  const nul = await merge(id, { ...rest, 'a~b/c.txt': { text: '\0' } });
  expect([nul.status, nul.body.errors[0]!.source]).toEqual([
    ...[422, { pointer: '/data/attributes/resolution' }],
  ]);
  expect(await contents()).toEqual(before);
  // A text may be empty, and need not name the conflict.
  const mutation = `mutation($id: ID!, $input: MergeBranchInput) {
    mergeBranch(id: $id, input: $input) { result { ahead } errors { message } } }`;
  const input = { resolution: { ...rest, turned: 'theirs', 'a~b/c.txt': { text: '' } } };
  expect((await ann.graphql(mutation, { id, input })).data).toEqual({
    mergeBranch: { result: { ahead: 0 }, errors: [] },
  });
  expect(await contents()).toEqual({
    ...before,
    ...{ 'a~b/c.txt': '', 'clean.txt': 'clean\n', turned: 'branch\n' },
  });
});

test('who may: every member and no stranger, by what a key is for', async () => {
  await ann.file(workspace, 'a.md', five);
  await create('topic');
  const { id } = await branchNamed('topic');
  const eve = await register(server.url, 'Eve');
  const reader = await ann.key('read');
  const writer = await ann.key('branches:write', 'workspaces:read');
  const readsFiles = await ann.key('files:read');
  for (const path of [`/branches/${id}`, `/branches/${id}/changes`]) {
    expect((await eve.get(path)).status).toBe(404);
    expect((await reader.get(path)).status).toBe(200);
    expect((await readsFiles.get(path)).status).toBe(403);
  }
  const commits = `/workspaces/${workspace.id}/commits`;
  const { head } = (await branchNamed('topic')).attributes;
  for (const path of [`${commits}/${head}`, `${commits}/${head}/changes`]) {
    expect((await eve.get(path)).status).toBe(404);
    expect((await reader.get(path)).status).toBe(200);
    expect((await readsFiles.get(path)).status).toBe(403);
  }
  expect((await eve.get(commits)).status).toBe(404);
  expect((await reader.get(commits)).status).toBe(200);
  expect((await readsFiles.get(commits)).status).toBe(403);
  expect((await eve.get<RecordObject[]>('/branches')).body.data).toEqual([]);
  expect((await merge(id, undefined, eve)).status).toBe(404);
  expect((await eve.delete(`/branches/${id}`)).status).toBe(404);
  expect((await create('eves', 'main', eve)).status).toBe(404);
  expect((await merge(id, undefined, reader)).status).toBe(403);
  expect((await create('x', 'main', reader)).status).toBe(403);
  expect((await reader.delete(`/branches/${id}`)).status).toBe(403);
  expect((await create('x', 'main', writer)).status).toBe(201);
  // A merge writes files.
  expect((await merge(id, undefined, writer)).status).toBe(403);
  await server.query('update workspaces set archived_at = now() where id = $1', [workspace.id]);
  expect((await create('y')).status).toBe(403);
  expect((await ann.delete(`/branches/${id}`)).status).toBe(403);
});

test('who follows the events hears of a branch that is made, moved and removed, by git and by the API', async () => {
  await ann.file(workspace, 'a.md', five);
  await cloneIt();
  const stream = await follow(ann, `/events/stream?workspace=${workspace.id}`);
  const heard = async () => (await stream.next())!.data as BranchEvent;
  await onBranch('topic', { 'b.md': 'b\n' });
  const { id } = await branchNamed('topic');
  const first = await must(clone, 'rev-parse', 'HEAD');
  const about = { workspaceId: workspace.id, name: 'topic' };
  const event = { type: 'branches', recordId: id };
  expect(await heard()).toMatchObject({
    ...{ ...event, name: 'branch.created', data: { ...about, head: first } },
  });
  await onBranch('topic', { 'b.md': 'c\n' }, 'topic');
  const second = await must(clone, 'rev-parse', 'HEAD');
  expect(await heard()).toMatchObject({
    ...{ ...event, name: 'branch.moved', data: { ...about, head: second } },
  });
  await must(clone, 'push', '-q', 'origin', '--delete', 'topic');
  expect(await heard()).toMatchObject({ ...event, name: 'branch.deleted' });

  await create('again', first);
  const made = await heard();
  expect(made).toMatchObject({ name: 'branch.created', data: { name: 'again', head: first } });
  const merged = await merge(made.recordId);
  expect(merged.status).toBe(200);
  // What a merge does is told of the files and of the workspace, whose head is that of main.
  const names: string[] = [];
  while (names.at(-1) !== 'workspace.committed') names.push((await heard()).name);
  expect(names).toContain('file.created');
  await ann.delete(`/branches/${made.recordId}`);
  expect(await heard()).toMatchObject({ name: 'branch.deleted', recordId: made.recordId });
  await stream.close();
});

test('the commits of a workspace and of a branch, a page at a time', async () => {
  expect((await commitsAt(`/workspaces/${workspace.id}/commits`)).data).toEqual([]);
  for (const name of ['a', 'b', 'c']) await ann.file(workspace, `${name}.md`, `${name}\n`);
  await cloneIt();
  await onBranch('topic', { 'x/ü.md': 'x\n', 'y.md': 'y\n' }, 'origin/main', [
    ...['-m', 'Two files\n\nCo-authored-by: Cleo <cleo@example.com>'],
  ]);
  const first = await commitsAt(`/workspaces/${workspace.id}/commits?page[size]=2`);
  expect(first.data.map(({ attributes }) => attributes.message)).toEqual(['Add c.md', 'Add b.md']);
  await ann.file(workspace, 'd.md', 'd\n');
  const second = await commitsAt(first.links.next!);
  expect(second.data.map(({ attributes }) => attributes.message)).toEqual(['Add a.md']);
  expect(second.links.next).toBeNull();
  const [newest] = (await commitsAt(`/workspaces/${workspace.id}/commits?branchName=topic`)).data;
  expect(newest).toMatchObject({
    type: 'commits',
    id: await must(clone, 'rev-parse', 'HEAD'),
    attributes: {
      authors: [{ name: 'Gil' }, { name: 'Cleo', email: 'cleo@example.com' }],
      parents: [await must(clone, 'rev-parse', 'HEAD^')],
      pathCount: 2,
      paths: ['x/ü.md', 'y.md'],
    },
  });
  const one = `/workspaces/${workspace.id}/commits/${newest!.id}`;
  expect((await ann.get<RecordObject>(one)).body.data).toEqual(newest);
  expect((await ann.get(`${one}/changes`)).body.meta).toMatchObject({
    ...{ head: newest!.id, base: await must(clone, 'rev-parse', 'HEAD^'), total: 2 },
    files: [
      { path: 'x/ü.md', kind: 'added', additions: 1, deletions: 0 },
      { path: 'y.md', kind: 'added', additions: 1, deletions: 0 },
    ],
  });
  const diff = await ann.fetch(`${one}/changes?filePath=y.md`);
  expect(await diff.text()).toContain('--- /dev/null');
  expect((await ann.get(`${one}/changes?filePath=a.md`)).status).toBe(404);
  // The first commit of all is compared with nothing.
  const root = `/workspaces/${workspace.id}/commits/${second.data[0]!.id}/changes`;
  expect((await ann.get(root)).body.meta).toMatchObject({ base: null, files: [{ path: 'a.md' }] });
  // A merge shows what it brought to the side that it was made on.
  expect((await merge((await branchNamed('topic')).id)).status).toBe(200);
  const [merged] = (await commitsAt(`/workspaces/${workspace.id}/commits`)).data;
  expect(merged!.attributes.parents).toHaveLength(2);
  const brought = `/workspaces/${workspace.id}/commits/${merged!.id}/changes`;
  expect((await ann.get(brought)).body.meta).toMatchObject({ total: 2 });
  const elsewhere = await ann.workspace();
  for (const id of [newest!.id, 'e'.repeat(40), 'x']) {
    for (const path of [`commits/${id}`, `commits/${id}/changes`]) {
      expect((await ann.get(`/workspaces/${elsewhere.id}/${path}`)).status).toBe(404);
    }
  }
  const status = async (query: string) =>
    (await ann.get(`/workspaces/${workspace.id}/commits?${query}`)).status;
  expect(await status('branchName=none')).toBe(404);
  expect(await status('page[size]=0')).toBe(400);
  expect(await status('page[after]=x')).toBe(400);
  expect(await status(`page[after]=${'e'.repeat(40)}.0`)).toBe(400);
});

test('20 merges at once with people writing: all of it is there, once', async () => {
  const written = await ann.file(workspace, 'written.md', '0\n');
  await cloneIt();
  const names = Array.from({ length: 20 }, (_, at) => `topic-${at}`);
  for (const name of names) {
    await must(clone, 'switch', '-q', '-C', name, 'origin/main');
    await put({ [`${name}.md`]: `${name}\n` });
    await must(clone, 'add', '-A');
    await must(clone, 'commit', '-q', '-m', name);
  }
  await must(clone, 'push', '-q', 'origin', ...names);
  const ids = (await branches()).filter(({ attributes }) => attributes.name !== 'main');
  expect(ids).toHaveLength(20);
  const writes = async () => {
    for (let at = 1; at <= 20; at++) {
      const path = `/files/${written.id}/content`;
      const answer = await ann.fetch(path, { method: 'PUT', raw: `${at}\n` });
      expect(answer.status).toBe(200);
    }
  };
  const [answers] = await Promise.all([Promise.all(ids.map(({ id }) => merge(id))), writes()]);
  expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
  const expected = Object.fromEntries(names.map((name) => [`${name}.md`, `${name}\n`]));
  expect(await contents()).toEqual({ ...expected, 'written.md': '20\n' });
  await must(clone, 'fetch', '-q');
  const merges = await must(clone, 'rev-list', '--merges', '--count', 'origin/main');
  expect(merges).toBe('20');
  const tree = await must(clone, 'ls-tree', '-r', '--name-only', 'origin/main');
  expect(tree.split('\n')).toHaveLength(21);
  expect((await branches()).map(({ attributes }) => attributes.ahead)).toEqual(
    Array.from({ length: 21 }, () => 0),
  );
});

async function cloneIt(): Promise<void> {
  await must(place.folder, 'clone', '-q', await addressOf(ann, workspace), 'clone');
}

async function put(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(clone, path)), { recursive: true });
    await writeFile(join(clone, path), content);
    expect((await readFile(join(clone, path))).length).toBeGreaterThan(0);
  }
}

/** Commits files on a branch and pushes it. */
async function onBranch(
  name: string,
  files: Record<string, string | Uint8Array>,
  from = 'origin/main',
  message = ['-m', 'Work on it'],
): Promise<void> {
  await must(clone, 'switch', '-q', '-C', name, from);
  await put(files);
  await must(clone, 'add', '-A');
  await must(clone, 'commit', '-q', ...message);
  await must(clone, 'push', '-q', 'origin', `HEAD:${name}`);
}

async function branches(): Promise<RecordObject[]> {
  const path = `/workspaces/${workspace.id}/branches?page[limit]=100`;
  return (await ann.get<RecordObject[]>(path)).body.data;
}

async function branchNamed(name: string): Promise<RecordObject> {
  return (await branches()).find(({ attributes }) => attributes.name === name)!;
}

const create = (name: string, from?: string, by = ann): Promise<Answer> =>
  by.post('/branches', 'branches', from ? { name, from } : { name }, {
    workspace: { data: { type: 'workspaces', id: workspace.id } },
  });

const merge = (id: string, resolution?: unknown, by = ann): Promise<Answer> =>
  by.post(`/branches/${id}/merge`, 'branches', resolution === undefined ? {} : { resolution });

async function commitsAt(path: string) {
  return (await ann.get<RecordObject[]>(path)).body;
}

async function contents(): Promise<Record<string, string>> {
  const path = `/files?filter[workspace][id]=${workspace.id}&page[limit]=100`;
  const files = (await ann.get<RecordObject[]>(path)).body.data;
  const entries = files.map(async ({ id, attributes }) => {
    const answer = await ann.fetch(`/files/${id}/content`);
    return [String(attributes.path), await answer.text()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
