import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { naughty } from '../api/naughty.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { chainPack } from './chain-pack.ts';
import {
  addressOf,
  bare,
  git,
  must,
  packet,
  postPush,
  pushByHand,
  temporary,
} from './repository.ts';

const ZERO = '0'.repeat(40);
const LIMIT = 200_000;
let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let address: string;
let place: Awaited<ReturnType<typeof temporary>>;
let mine: string;
beforeAll(async () => {
  server = await startServer({ pushedFileLimit: LIMIT });
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
  address = await addressOf(ann, workspace);
  place = await temporary();
  await must(place.folder, 'clone', '-q', address, 'mine');
  mine = join(place.folder, 'mine');
});
afterEach(() => place.remove());

type Entry = [mode: string, name: string | Buffer, oid: string];

describe('a tree with what may not be in a workspace is refused with a sentence', () => {
  const blob = () => store('blob', 'text\n');
  const cases: [string, () => Entry[], RegExp][] = [
    [
      'a symbolic link',
      () => [['120000', 'link', store('blob', '/etc/passwd')]],
      /link is a symbolic link/,
    ],
    ['a submodule', () => [['160000', 'sub', '1'.repeat(40)]], /sub is a submodule/],
    [
      'symlinked .gitmodules',
      () => [['120000', '.gitmodules', store('blob', 'x')]],
      /symbolic link/,
    ],
    ['.git', () => [['100644', '.git', blob()]], /form of "\.git"/],
    ['.GIT', () => [['100644', '.GIT', blob()]], /form of "\.git"/],
    ['.git with a joiner', () => [['100644', '.g\u200cit', blob()]], /form of "\.git"/],
    ['git~1', () => [['100644', 'git~1', blob()]], /form of "\.git"/],
    ['..', () => [['100644', '..', blob()]], /"\.\." segment/],
    ['a slash', () => [['100644', 'a/b', blob()]], /slash/],
    ['a backslash', () => [['100644', 'a\\b', blob()]], /backslash/],
    ['a carriage return', () => [['100644', 'a\r', blob()]], /control character/],
    [
      'bytes that are no UTF-8',
      () => [['100644', Buffer.from([0x61, 0xff]), blob()]],
      /not valid UTF-8/,
    ],
    ['a trailing dot', () => [['100644', 'a.', blob()]], /ends with a dot/],
    [
      'two cases of a name',
      () => [
        ['100644', 'A.md', blob()],
        ['100644', 'a.md', blob()],
      ],
      /clashes with A\.md/,
    ],
    [
      'two forms of a name',
      () => [
        ['100644', 'e\u0301', blob()],
        ['100644', '\u00e9', blob()],
      ],
      /clashes with/,
    ],
    [
      'a large file',
      () => [['100644', 'big.txt', store('blob', 'x'.repeat(LIMIT + 1))]],
      /big\.txt has .*LIMIT_PUSHED_FILE/,
    ],
  ];
  test.each(cases)('%s', async (_what, entries, sentence) => {
    const before = await snapshot();
    for (const target of ['main', 'topic']) {
      const pushed = await push(tree(entries()), `refs/heads/${target}`);
      expect(pushed.ok).toBe(false);
      expect(pushed.said).toMatch(sentence);
    }
    expect(await snapshot()).toEqual(before);
  });

  test('in a commit of the past, or below folders, too', async () => {
    const bad = commit(tree([['40000', 'folder', tree([['120000', 'link', store('blob', 'x')]])]]));
    const good = commit(tree([['100644', 'a.md', blob()]]), bad);
    const pushed = await git(mine, 'push', 'origin', `${good}:refs/heads/main`);
    expect(pushed.said).toMatch(/remote: folder\/link is a symbolic link/);
    // What came with it does not come in by another way.
    const only = await raw([`${ZERO} ${bad} refs/heads/main`], emptyPack());
    expect(only).toMatch(/ng refs\/heads\/main/);
  });
});

test('a chain of 10,000 deltas is taken in and read', async () => {
  const { pack, commit: head, text } = chainPack(10_000);
  expect(await raw([`${ZERO} ${head} refs/heads/main`], pack)).toMatch(/ok refs\/heads\/main/);
  const [file] = (await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/files`)).body.data;
  expect(await (await ann.fetch(`/files/${file!.id}/content`)).text()).toBe(text);
  await ready();
});

test('a folder of a million names is refused', { timeout: 120_000 }, async () => {
  const oid = store('blob', 'x');
  const names = Array.from({ length: 1_000_000 }, (_, at) => String(at).padStart(7, '0'));
  const huge = tree(names.map((name) => ['100644', name, oid]));
  const pushed = await push(huge, 'refs/heads/huge');
  expect(pushed.said).toMatch(/too many files for one folder/);
  await ready();
});

test('100,000 refs in one push are refused', async () => {
  const oid = commit(tree([['100644', 'a.md', store('blob', 'a')]]));
  const lines = Array.from({ length: 100_000 }, (_, at) => `${ZERO} ${oid} refs/heads/b${at}`);
  expect(await raw(lines, emptyPack())).toMatch(/At most 1000 branches and tags/);
  await ready();
});

test('what is no push at all is refused', async () => {
  const oid = '1'.repeat(40);
  const line = `${ZERO} ${oid} refs/heads/main`;
  for (const body of ['xyzw', '0003', '0010x', 'ffff', packet(line), `${packet('hello')}0000`]) {
    expect(await post(Buffer.from(body)), body).toMatch(/form of git|ends too early/);
  }
  for (const pack of ['', 'PACK', 'PACK\0\0\0\x02\0\0\0\x01', 'no pack at all, but some text']) {
    expect(await raw([line], Buffer.from(pack, 'latin1')), pack).toMatch(/^....unpack (?!ok)/);
  }
  expect(await raw([line], emptyPack())).toMatch(/ng refs\/heads\/main/);
  const many = Buffer.from('PACK\0\0\0\x02\x7f\xff\xff\xff', 'latin1');
  expect(await raw([line], many)).toMatch(/more than 500000 objects/);
  expect(await snapshot()).toMatchObject({ refs: [] });
});

test('naughty strings as names of refs and files write nothing outside', {
  timeout: 180_000,
}, async () => {
  const oid = commit(tree([['100644', 'a.md', store('blob', 'a')]]));
  await must(mine, 'push', '-q', 'origin', `${oid}:refs/heads/main`);
  const outside = await snapshot();
  const names = [
    ...naughty,
    '--upload-pack=x',
    '-x',
    'ext::sh',
    'EXT::sh',
    '@{',
    '@',
    'a\nb',
    'HEAD',
    '../../x',
    'a.lock',
    'a/../../b',
  ];
  let made = 0;
  for (const group of chunks(
    names.filter((name) => name !== '' && !name.includes('\0')),
    300,
  )) {
    const refs = group.map((name) => `refs/heads/n/${name}`);
    const dashed = group
      .map((name) => `refs/heads/${name}`)
      .filter((name) => name.startsWith('refs/heads/-'));
    const all = [...new Set([...refs, ...dashed, ...group])].filter((name) => !name.includes('\n'));
    const answer = await raw(
      all.map((name) => `${ZERO} ${oid} ${name}`),
      emptyPack(),
    );
    expect(answer).toMatch(/^....unpack ok/);
    made += answer.match(/ok refs\/heads\/n\//g)?.length ?? 0;
    expect(answer).not.toMatch(/ok refs\/heads\/-/);
  }
  expect(made).toBeGreaterThan(10);
  const refs = (await must(place.folder, 'ls-remote', address, 'refs/heads/n/*')).split('\n');
  expect(refs).toHaveLength(made);
  expect((await snapshot()).root).toEqual(outside.root);
  expect((await git(bare(server, workspace), 'fsck', '--full', '--strict')).ok).toBe(true);
  const files = names.filter(
    (name) => name !== '' && !name.includes('\0') && Buffer.byteLength(name) < 4_000,
  );
  for (const name of files.slice(0, 40).concat(files.slice(-20))) {
    const pushed = await push(
      tree([['100644', name, store('blob', 'a')]]),
      'refs/heads/file',
      '--force',
    );
    if (!pushed.ok) expect(pushed.said).toMatch(/remote: \S/);
  }
  expect((await snapshot()).root).toEqual(outside.root);
});

/** Writes a loose object by hand: git refuses to make some, and is slow to start a thousand times. */
function store(type: string, content: string | Buffer): string {
  const bytes = Buffer.from(content as string);
  const object = Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]);
  const oid = createHash('sha1').update(object).digest('hex');
  const folder = join(mine, '.git/objects', oid.slice(0, 2));
  const path = join(folder, oid.slice(2));
  if (existsSync(path)) return oid;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, deflateSync(object, { level: 1 }));
  return oid;
}

function tree(entries: Entry[]): string {
  const parts = entries.flatMap(([mode, name, oid]) => [
    Buffer.from(`${mode} `),
    Buffer.from(name as string),
    Buffer.from([0]),
    Buffer.from(oid, 'hex'),
  ]);
  return store('tree', Buffer.concat(parts));
}

function commit(treeId: string, parent?: string): string {
  const who = 'Mal <mal@example.com> 1700000000 +0000';
  const lines = [
    `tree ${treeId}`,
    ...(parent ? [`parent ${parent}`] : []),
    `author ${who}`,
    `committer ${who}`,
  ];
  return store('commit', `${lines.join('\n')}\n\nHostile\n`);
}

const push = (treeId: string, ref: string, ...options: string[]) =>
  git(mine, 'push', ...options, 'origin', `${commit(treeId)}:${ref}`);

function emptyPack(): Buffer {
  const args = ['-C', mine, 'pack-objects', '--stdout', '-q'];
  return execFileSync('git', args, { input: '' });
}

const raw = (lines: string[], pack: Buffer) => pushByHand(address, lines, pack);
const post = (body: Buffer) => postPush(address, body);

/** What lies on the server's disk and in the database; temporary files come and go. */
async function snapshot() {
  const folder = bare(server, workspace);
  const refs = await server.query<{ name: string }>(
    'select name from git_refs where workspace_id = $1',
    [workspace.id],
  );
  return {
    refs: refs.map(({ name }) => name),
    root: (await readdir(server.dataDir)).sort(),
    git: (await readdir(join(folder, '..'))).filter((name) => !/\.git$/.test(name)).sort(),
    left: await readdir(join(folder, '..', 'tmp')),
    packs: await readdir(join(folder, 'objects/pack')),
  };
}

async function ready(): Promise<void> {
  expect((await ann.fetch('/health/ready')).status).toBe(200);
  expect((await ann.get('/users/me')).status).toBe(200);
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
