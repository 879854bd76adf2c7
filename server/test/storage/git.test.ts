import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StorageNotFound } from '../../src/storage/errors.ts';
import { type Change, type GitStorage, openGit, PathClash } from '../../src/storage/git.ts';
import { collect } from './collect.ts';
import { storageContract } from './contract.ts';

storageContract('git', {
  open: async (folder) => {
    const storage = await openGit(folder);
    return { storage, close: () => storage.close() };
  },
  deletes: false,
});

const author = { name: 'Ada Lovelace', email: 'ada@example.com' };
const about = { author, message: 'A change', date: new Date('2026-01-02T03:04:05Z') };
const workspaceId = randomUUID();
const scope = { teamId: randomUUID(), workspaceId };
let root: string;
let store: GitStorage;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kyozo-git-'));
  store = await openGit(root);
  await store.create(workspaceId);
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

test('a ref is moved to its newest target, and does not bring back what was destroyed', async () => {
  const address = (await store.put(scope, Buffer.from('a'))).address;
  const commits: string[] = [];
  for (const path of ['a', 'b', 'c']) {
    const changes = [{ path, address }];
    commits.push((await store.commit(workspaceId, { ...about, changes })).commit);
  }
  await Promise.all(commits.map((commit) => store.setRef(workspaceId, 'refs/heads/main', commit)));
  expect(await git('rev-parse', 'main')).toBe(commits[2]);
  const late = [commits[0]!, commits[1]!].map((commit) =>
    store.setRef(workspaceId, 'refs/heads/main', commit),
  );
  await store.destroy(workspaceId);
  await Promise.all(late);
  expect(await readdir(root)).not.toContain(`${workspaceId}.git`);
});

test('a new repository is a healthy bare one with an unborn main', async () => {
  await store.create(workspaceId);
  expect(await git('symbolic-ref', 'HEAD')).toBe('refs/heads/main');
  expect(await git('rev-parse', '--is-bare-repository')).toBe('true');
  expect(await git('config', 'receive.fsckObjects')).toBe('true');
  expect(await git('config', 'gc.auto')).toBe('0');
  expect(await git('config', 'core.hooksPath')).toBe(join(root, 'no-hooks'));
  await fsck();
});

test('commits build the tree that git itself sees', async () => {
  const first = await commit(undefined, {
    'README.md': 'hello',
    'docs/a.md': 'a',
    'docs/deep/er/b.md': 'b',
    'docs.md': 'sorts before the folder',
    'docs-x': 'sorts before too',
    '\uff5e': 'sorts before what follows in bytes, not in UTF-16',
    '😀': 'x',
  });
  const second = await commit(first, {
    'docs/deep/er/b.md': null,
    'docs/a.md': 'changed',
    'run.sh': 'x',
  });
  await store.setRef(workspaceId, 'refs/heads/main', second);
  const listed = (
    await git('-c', 'core.quotePath=false', 'ls-tree', '-r', '--name-only', 'main')
  ).split('\n');
  expect(listed).toEqual(['README.md', 'docs-x', 'docs.md', 'docs/a.md', 'run.sh', '\uff5e', '😀']);
  const files = await collect(store.readTree(workspaceId, second));
  expect(files.map(({ path }) => path)).toEqual(listed);
  expect(await git('show', 'main:docs/a.md')).toBe('changed');
  await fsck();
});

test('the commit carries its people, message and date', async () => {
  const { commit: oid } = await store.commit(workspaceId, {
    ...about,
    changes: [],
    author: { name: 'Eve\n<evil> ', email: 'eve@example.com>\nparent x' },
    coAuthors: [author, { name: '', email: '' }],
    message: 'Subject\n\nBody\0\n\n',
  });
  expect(await git('log', '-1', '--format=%an|%ae|%aI|%B', oid)).toBe(
    'Eve evil|eve@example.comparentx|2026-01-02T03:04:05+00:00|Subject\n\nBody\n\n' +
      'Co-authored-by: Ada Lovelace <ada@example.com>\nCo-authored-by: unknown <>',
  );
  await store.setRef(workspaceId, 'refs/heads/main', oid);
  await fsck();
});

test('a mode is kept until it is changed', async () => {
  const { address } = await store.put(scope, Buffer.from('x'));
  const one = await store.commit(workspaceId, {
    ...about,
    changes: [{ path: 'run', address, mode: '100755' }],
  });
  const next = await store.put(scope, Buffer.from('y'));
  const two = await store.commit(workspaceId, {
    ...about,
    parent: one.commit,
    changes: [{ path: 'run', address: next.address }],
  });
  expect(await collect(store.readTree(workspaceId, two.commit))).toEqual([
    { path: 'run', mode: '100755', address: next.address },
  ]);
});

test('a file becomes a folder and back in one commit; otherwise they clash', async () => {
  const first = await commit(undefined, { a: 'file', 'b/c': 'x' });
  await expect(commit(first, { 'a/b': 'x' })).rejects.toMatchObject({
    name: 'PathClash',
    path: 'a/b',
  });
  await expect(commit(first, { b: 'x' })).rejects.toBeInstanceOf(PathClash);
  const second = await commit(first, { a: null, 'a/b': 'x', 'b/c': null, b: 'y' });
  expect(await paths(second)).toEqual(['a/b', 'b']);
  expect(await paths(await commit(second, { 'a/b': null, b: null }))).toEqual([]);
  expect(await paths(await commit(second, { 'no/such': null, 'b/below/a/file': null }))).toEqual([
    'a/b',
    'b',
  ]);
});

test('what is missing or refused is an error and writes nothing', async () => {
  const before = (await collect(store.list(scope))).length;
  const missing = '1'.repeat(40);
  const changes = [{ path: 'a', address: missing }];
  await expect(store.commit(workspaceId, { ...about, changes })).rejects.toBeInstanceOf(
    StorageNotFound,
  );
  await expect(
    store.commit(workspaceId, { ...about, changes: [], parent: missing }),
  ).rejects.toBeInstanceOf(StorageNotFound);
  for (const path of ['.git/config', '../x', 'a//b', 'a\0']) {
    await expect(
      store.commit(workspaceId, { ...about, changes: [{ path, address: null }] }),
    ).rejects.toBeInstanceOf(TypeError);
  }
  expect((await collect(store.list(scope))).length).toBe(before);
});

test('refs move, vanish and are repaired; bad names are refused', async () => {
  const one = await commit(undefined, { a: '1' });
  const two = await commit(one, { a: '2' });
  await store.setRef(workspaceId, 'refs/heads/feature/x', one);
  await Promise.all(
    [one, two, one, two].map((oid) => store.setRef(workspaceId, 'refs/heads/main', oid)),
  );
  await store.repairRef(workspaceId, two);
  expect(await git('for-each-ref', '--format=%(refname) %(objectname)')).toBe(
    `refs/heads/feature/x ${one}\nrefs/heads/main ${two}`,
  );
  await store.repairRef(workspaceId, null);
  expect(await git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/feature/x');
  const bad = [
    'main',
    'refs/heads/',
    'refs/heads/../../config',
    'refs/heads/a.lock',
    'refs/heads/.a',
    'refs/heads/a b',
    'refs/heads/a\n',
    'HEAD',
    'refs/heads/@{x',
  ];
  for (const ref of bad)
    await expect(store.setRef(workspaceId, ref, one)).rejects.toBeInstanceOf(TypeError);
  await expect(store.setRef(workspaceId, 'refs/heads/x', 'HEAD')).rejects.toBeInstanceOf(TypeError);
});

test('log tells all, or what touched a path, merges included', async () => {
  const at = (second: number) => ({ date: new Date(second * 1000) });
  const root = await commit(undefined, { a: '1', 'd/b': '1' }, at(1));
  const left = await commit(root, { a: '2' }, at(2));
  const right = await commit(root, { 'd/b': '2' }, at(3));
  const b = await store.put(scope, Buffer.from('2'));
  const merge = await store.commit(workspaceId, {
    ...about,
    ...at(4),
    parent: left,
    mergeParents: [right],
    changes: [{ path: 'd/b', address: b.address }],
  });
  await store.setRef(workspaceId, 'refs/heads/main', merge.commit);
  const log = async (options?: { path?: string; limit?: number }) =>
    (await store.log(workspaceId, merge.commit, options)).map((entry) => entry.commit);
  expect(await log()).toEqual([merge.commit, right, left, root]);
  expect(await log({ limit: 2 })).toEqual([merge.commit, right]);
  for (const path of ['a', 'd/b', 'd', 'none', 'a/x']) {
    const expected = (await git('log', '--format=%H', 'main', '--', path))
      .split('\n')
      .filter(Boolean);
    expect(await log({ path }), path).toEqual(expected);
  }
});

test('packed objects read the same as loose ones', async () => {
  const first = await commit(undefined, { a: 'one', 'd/b': 'two' });
  const second = await commit(first, { a: 'three' });
  await store.setRef(workspaceId, 'refs/heads/main', second);
  const files = await collect(store.readTree(workspaceId, second));
  const log = await store.log(workspaceId, second);
  const blobs = (await collect(store.list(scope))).sort();
  await store.close();
  await git('repack', '-a', '-d', '-q');
  expect(await git('count-objects')).toMatch(/^0 objects/);
  store = await openGit(root);
  expect(await collect(store.readTree(workspaceId, second))).toEqual(files);
  expect(await store.log(workspaceId, second)).toEqual(log);
  expect((await collect(store.list(scope))).sort()).toEqual(blobs);
  expect(await store.head(scope, files[0]!.address)).toEqual({ size: 5 });
  expect(await store.head(scope, second)).toBeUndefined();
  const third = await commit(second, { 'd/b': 'four' });
  expect(await paths(third)).toEqual(['a', 'd/b']);
  await fsck();
});

test('what a power loss tore is put back from the journal', async () => {
  const first = await commit(undefined, { a: 'one', 'd/b': 'two' });
  await store.setRef(workspaceId, 'refs/heads/main', first);
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-torn-'));
  await cp(root, folder, { recursive: true });
  const { address } = await store.put(scope, Buffer.from('one'));
  const torn = (oid: string) =>
    join(folder, `${workspaceId}.git/objects`, oid.slice(0, 2), oid.slice(2));
  await rm(torn(address));
  await writeFile(torn(address), '');
  await rm(torn(first));
  const reopened = await openGit(folder);
  const files = await collect(reopened.readTree(workspaceId, first));
  expect(files.map(({ path }) => path)).toEqual(['a', 'd/b']);
  await reopened.close();
  expect(await readdir(join(folder, 'journal'))).toEqual([]);
  await run('git', ['-C', join(folder, `${workspaceId}.git`), 'fsck', '--full', '--strict']);
  await rm(folder, { recursive: true });
});

async function commit(
  parent: string | undefined,
  files: Record<string, string | null>,
  more = {},
): Promise<string> {
  const changes: Change[] = await Promise.all(
    Object.entries(files).map(async ([path, text]) => ({
      path,
      address: text === null ? null : (await store.put(scope, Buffer.from(text))).address,
    })),
  );
  return (await store.commit(workspaceId, { ...about, ...more, parent, changes })).commit;
}

async function paths(oid: string): Promise<string[]> {
  return (await collect(store.readTree(workspaceId, oid))).map(({ path }) => path);
}

async function git(...args: string[]): Promise<string> {
  return run('git', ['-C', store.folder(workspaceId), ...args]);
}

async function fsck(): Promise<void> {
  const complaints = (await git('fsck', '--full', '--strict'))
    .split('\n')
    .filter((line) => !/^(dangling|notice)|^$/.test(line));
  expect(complaints).toEqual([]);
}

async function run(command: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args);
  return stdout.trim();
}
