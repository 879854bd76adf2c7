import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { open, until } from '../collaboration/editor.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, bare, git, must, temporary } from './repository.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let address: string;
let place: Awaited<ReturnType<typeof temporary>>;
let clone: string;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
  address = await addressOf(ann, workspace);
  place = await temporary();
  clone = await cloned('clone');
});
afterEach(async () => {
  await expectSound();
  await place.remove();
});

test('a push becomes files, versions and events, and keeps who made it', async () => {
  await write('notes.md', '# Notes\n\n```js {name=one}\n1 + 1\n```\n');
  await commit('First notes\n\nCo-authored-by: Cleo <cleo@example.com>', 'Dora <dora@example.com>');
  await write('src/code.ts', 'export const one = 1;\n');
  await write('image.bin', randomBytes(20_000));
  await commit('Code');
  expect(await must(clone, 'push', '-q', 'origin', 'HEAD:main')).toBe('');

  const files = await filesByPath();
  expect(Object.keys(files).sort()).toEqual(['image.bin', 'notes.md', 'src/code.ts']);
  expect(files['notes.md']!.attributes).toMatchObject({ version: 1, contentType: 'text/markdown' });
  const [version] = (await ann.get<RecordObject[]>(`/files/${files['notes.md']!.id}/versions`)).body
    .data;
  expect(version!.attributes).toMatchObject({
    version: 1,
    message: 'First notes\n\nCo-authored-by: Cleo <cleo@example.com>',
    authors: [
      { name: 'Dora', email: 'dora@example.com' },
      { name: 'Cleo', email: 'cleo@example.com' },
    ],
  });
  const notebook = (await ann.get(`/files/${files['notes.md']!.id}/notebook`)).body.data;
  expect(notebook.attributes.title).toBe('Notes');
  const events = await server.query<{ name: string }>(
    `select name from events where team_id = (select team_id from workspaces where id = $1) order by seq`,
    [workspace.id],
  );
  const names = events.map(({ name }) => name);
  expect(names.filter((name) => name === 'file.created')).toHaveLength(3);
  expect(names).toContain('workspace.committed');
  const [row] = await server.query<{ head_commit: string }>(
    'select head_commit from workspaces where id = $1',
    [workspace.id],
  );
  expect(row!.head_commit).toBe(await must(clone, 'rev-parse', 'HEAD'));

  await write('notes.md', '# Changed\n');
  await must(clone, 'rm', '-q', 'image.bin');
  await commit('Change and delete');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  const after = await filesByPath();
  expect(Object.keys(after).sort()).toEqual(['notes.md', 'src/code.ts']);
  expect(after['notes.md']!.id).toBe(files['notes.md']!.id);
  expect(after['notes.md']!.attributes.version).toBe(2);
  expect(await contentOf(after['notes.md']!)).toBe('# Changed\n');
  const trashed = await server.query<{ deleted_at: Date | null }>(
    'select deleted_at from files where id = $1',
    [files['image.bin']!.id],
  );
  expect(trashed[0]!.deleted_at).not.toBeNull();
});

test('a push reaches an open live document, and what is being typed stays', async () => {
  const file = await ann.file(workspace, 'live.md', 'one two three\n\nfour five six\n');
  await must(clone, 'pull', '-q', 'origin', 'main');
  const editor = await open(ann.url, ann.token, file.id);
  editor.type('TYPED');
  await until(() => editor.isSaved);
  await write('live.md', 'one two three\n\nfour PUSHED six\n');
  await commit('Push into it');
  const before = await filesByPath();
  const pushed = await git(clone, 'push', 'origin', 'HEAD:main');
  // What was typed has become a version when the refs were told, so git itself asks to fetch first.
  expect(pushed.ok).toBe(false);
  await must(clone, 'pull', '-q', '--no-rebase', '--no-edit', 'origin', 'main');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  await until(() => editor.text.includes('PUSHED'));
  expect(editor.text).toContain('TYPED');
  editor.leave();
  expect(before['live.md']!.id).toBe(file.id);
});

test('writes between the telling of the refs and the push are merged', async () => {
  const text = 'one\n\ntwo\n\nthree\n\nfour\n';
  const file = await ann.file(workspace, 'merge.md', text);
  const other = await ann.file(workspace, 'conflict.txt', 'a\nb\nc\n');
  await must(clone, 'pull', '-q', 'origin', 'main');
  await write('merge.md', text.replace('four', 'FOUR'));
  await write('conflict.txt', 'a\nmine\nc\n');
  await commit('Mine');
  // Git runs its hook once the refs are told and before it sends: there somebody else writes.
  const key = (await ann.key('read', 'write')).token;
  const put = (id: string, body: string) =>
    `curl -sf -X PUT -H 'authorization: Bearer ${key}' -H 'content-type: text/plain' --data-binary '${body}' ${ann.url}/api/v1/files/${id}/content`;
  const hook = `#!/bin/sh\n${put(file.id, text.replace('one', 'ONE'))}\n${put(other.id, 'a\nyours\nc\n')}\n`;
  await writeFile(join(clone, '.git/hooks/pre-push'), hook, { mode: 0o755 });
  const pushed = await git(clone, 'push', 'origin', 'HEAD:main');
  expect(pushed.said).toContain('remote: Others wrote in this workspace meanwhile');
  expect(pushed.ok).toBe(true);
  expect(await contentOf(file)).toBe('ONE\n\ntwo\n\nthree\n\nFOUR\n');
  expect(await contentOf(other)).toBe(
    'a\n<<<<<<< workspace\nyours\n=======\nmine\n>>>>>>> push\nc\n',
  );
  await must(clone, 'pull', '-q', '--ff-only', 'origin', 'main');
  expect(await readFile(join(clone, 'merge.md'), 'utf8')).toBe('ONE\n\ntwo\n\nthree\n\nFOUR\n');
});

test('what others pushed since must be fetched first', async () => {
  await write('a.md', 'a\n');
  await commit('a');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  const second = await cloned('second');
  await write('b.md', 'b\n');
  await commit('b');
  await writeFile(join(second, 'c.md'), 'c\n');
  await must(second, 'add', '.');
  await must(second, 'commit', '-qm', 'c');
  const hook = `#!/bin/sh\ngit -C ${second} push -q origin HEAD:main\n`;
  await writeFile(join(clone, '.git/hooks/pre-push'), hook, { mode: 0o755 });
  const late = await git(clone, 'push', 'origin', 'HEAD:main');
  expect(late.ok).toBe(false);
  expect(late.said).toMatch(/others have pushed meanwhile; fetch first/);
  expect(Object.keys(await filesByPath()).sort()).toEqual(['a.md', 'c.md']);
});

test('main cannot be forced or deleted', async () => {
  await write('a.md', 'a\n');
  await commit('a');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  const head = await must(clone, 'rev-parse', 'HEAD');
  await must(clone, 'commit', '-q', '--amend', '-m', 'b');
  const forced = await git(clone, 'push', '--force', 'origin', 'HEAD:main');
  expect(forced.ok).toBe(false);
  expect(forced.said).toMatch(/remote: main cannot be forced/);
  const deleted = await git(clone, 'push', 'origin', ':main');
  expect(deleted.ok).toBe(false);
  expect(deleted.said).toMatch(/main cannot be deleted/);
  expect(await must(clone, 'ls-remote', 'origin')).toBe(`${head}\tHEAD\n${head}\trefs/heads/main`);
});

test('branches and tags are made, forced and deleted, and make no files', async () => {
  await write('a.md', 'a\n');
  await commit('a');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  await must(clone, 'checkout', '-qb', 'topic/one');
  await write('b.md', 'b\n');
  await commit('b');
  await must(clone, 'tag', '-a', 'v1', '-m', 'one');
  await must(clone, 'push', '-q', 'origin', 'topic/one', 'v1');
  expect(Object.keys(await filesByPath())).toEqual(['a.md']);
  await must(clone, 'commit', '-q', '--amend', '-m', 'c');
  expect((await git(clone, 'push', 'origin', 'topic/one')).ok).toBe(false);
  await must(clone, 'push', '-q', '--force', 'origin', 'topic/one');
  const copy = await cloned('copy');
  expect(await must(copy, 'rev-parse', 'origin/topic/one')).toBe(
    await must(clone, 'rev-parse', 'HEAD'),
  );
  const clash = await git(clone, 'push', 'origin', 'HEAD:refs/heads/topic');
  expect(clash.said).toMatch(/exclude each other/);
  await must(clone, 'push', '-q', 'origin', ':topic/one', ':v1');
  await must(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/topic');
  const refs = await server.query<{ name: string }>(
    `select name from git_refs where workspace_id = $1 order by name`,
    [workspace.id],
  );
  expect(refs.map(({ name }) => name)).toEqual(['refs/heads/main', 'refs/heads/topic']);
  const other = await git(clone, 'push', 'origin', 'HEAD:refs/notes/x');
  expect(other.said).toMatch(/only branches and tags can be pushed here/);
});

test('of an atomic push all refs move or none', async () => {
  await write('a.md', 'a\n');
  await commit('a');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  await must(clone, 'commit', '-q', '--amend', '-m', 'b');
  const both = ['HEAD:refs/heads/x', '+HEAD:refs/heads/main'];
  expect((await git(clone, 'push', '--atomic', 'origin', ...both)).ok).toBe(false);
  expect(await must(clone, 'ls-remote', 'origin', 'refs/heads/x')).toBe('');
  expect((await git(clone, 'push', 'origin', 'HEAD:refs/heads/x')).ok).toBe(true);
});

test('60 MB arrive, over any protocol that a client speaks', async () => {
  await write('big.bin', randomBytes(60 * 2 ** 20));
  await commit('big');
  await must(clone, '-c', 'http.postBuffer=65536', 'push', '-q', 'origin', 'HEAD:main');
  const { 'big.bin': big } = await filesByPath();
  expect(big!.attributes).toMatchObject({ size: 60 * 2 ** 20, storageBackend: 's3' });
  const response = await ann.fetch(`/files/${big!.id}/content`);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes.equals(await readFile(join(clone, 'big.bin')))).toBe(true);
  for (const protocol of ['0', '1', '2']) {
    await write('small.md', `protocol ${protocol}\n`);
    await commit(protocol);
    await must(clone, '-c', `protocol.version=${protocol}`, 'push', '-q', 'origin', 'HEAD:main');
  }
  expect((await filesByPath())['small.md']!.attributes.version).toBe(3);
});

test('shallow and partial clones fetch, deepen and push', async () => {
  for (const text of ['one\n', 'two\n', 'three\n']) {
    await write('a.md', text);
    await commit(text.trim());
  }
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  const shallow = await cloned('shallow', '--depth=1');
  expect(await must(shallow, 'rev-list', '--count', 'HEAD')).toBe('1');
  await writeFile(join(shallow, 'b.md'), 'b\n');
  await must(shallow, 'add', '.');
  await must(shallow, 'commit', '-qm', 'from a shallow clone');
  await must(shallow, 'push', '-q', 'origin', 'HEAD:main');
  await must(shallow, 'fetch', '-q', '--deepen=1');
  expect(await must(shallow, 'rev-list', '--count', 'HEAD')).toBe('3');
  await must(shallow, 'fetch', '-q', '--unshallow');
  expect(await must(shallow, 'rev-list', '--count', 'HEAD')).toBe('4');
  const partial = await cloned('partial', '--filter=blob:none');
  expect(await must(partial, 'show', 'HEAD~2:a.md')).toBe('two');
  await must(partial, 'fsck', '--full', '--strict');
});

test('a key that may only read, and an archived workspace, refuse a push', async () => {
  await write('a.md', 'a\n');
  await commit('a');
  const reader = await addressOf(ann, workspace);
  const key = (await ann.key('read')).token!;
  const refused = await git(clone, 'push', reader.replace(ann.token!, key), 'HEAD:main');
  expect(refused.said).toMatch(/remote: This credential may read here, but not push/);
  await ann.request(`/workspaces/${workspace.id}/archive`, { method: 'POST' });
  const archived = await git(clone, 'push', 'origin', 'HEAD:main');
  expect(archived.said).toMatch(/remote: The workspace is archived/);
  const stranger = await register(server.url, 'Eve');
  const foreign = await git(
    clone,
    'push',
    reader.replace(ann.token!, stranger.token!),
    'HEAD:main',
  );
  expect(foreign.said).toMatch(/not found/);
  expect(await filesByPath()).toEqual({});
});

async function cloned(name: string, ...options: string[]): Promise<string> {
  await must(place.folder, 'clone', '-q', ...options, address, name);
  return join(place.folder, name);
}

async function write(path: string, content: string | Buffer): Promise<void> {
  await mkdir(join(clone, path, '..'), { recursive: true });
  await writeFile(join(clone, path), content);
}

async function commit(message: string, author?: string): Promise<void> {
  await must(clone, 'add', '-A');
  await must(clone, 'commit', '-qm', message, ...(author ? [`--author=${author}`] : []));
}

async function filesByPath(): Promise<Record<string, RecordObject>> {
  const found = await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/files?page[limit]=100`);
  return Object.fromEntries(found.body.data.map((file) => [file.attributes.path, file]));
}

async function contentOf({ id }: RecordObject): Promise<string> {
  return (await ann.fetch(`/files/${id}/content`)).text();
}

/** The repository is whole, and the database and git agree. */
async function expectSound(): Promise<void> {
  const repository = bare(server, workspace);
  const checked = await git(repository, 'fsck', '--full', '--strict', '--no-dangling');
  expect(checked).toMatchObject({ ok: true, out: '' });
  const [row] = await server.query<{ head_commit: string | null }>(
    'select head_commit from workspaces where id = $1',
    [workspace.id],
  );
  const refs = await must(place.folder, 'ls-remote', address, 'refs/heads/main');
  expect(refs.split('\t')[0]).toBe(row!.head_commit ?? '');
}
