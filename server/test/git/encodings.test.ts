import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, commitAs, must, temporary } from './repository.ts';

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
afterEach(() => place.remove());

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const ascii = (text: string) => Buffer.from(text, 'latin1');
/** An encoding as git's header names it, the bytes of a word in it, and the word. */
const words: [string | undefined, Buffer, string][] = [
  ['ISO-8859-1', bytes('4a fc 72 67 65 6e'), 'Jürgen'],
  ['latin1', bytes('4a fc 72 67 65 6e'), 'Jürgen'],
  ['Windows-1251', bytes('cf f0 e8 e2 e5 f2'), 'Привет'],
  ['CP1251', bytes('cf f0 e8 e2 e5 f2'), 'Привет'],
  ['KOI8-R', bytes('f0 d2 c9 d7 c5 d4'), 'Привет'],
  ['Shift_JIS', bytes('93 fa 96 7b'), '日本'],
  ['CP932', bytes('93 fa 96 7b'), '日本'],
  ['eucJP', bytes('c6 fc cb dc'), '日本'],
  ['ISO8859-15', bytes('a4'), '€'],
  [undefined, bytes('4a fc 72'), 'J\ufffdr'],
  ['no-such-thing', bytes('4a fc 72'), 'J\ufffdr'],
  ['UTF-8', bytes('4a ff 72'), 'J\ufffdr'],
];

test('13.A6 an old commit in any encoding is pushed, and its author and message are read by its header', async () => {
  for (const [at, [encoding, word, text]] of words.entries()) {
    await commit(
      `${at}.md`,
      encoding,
      word,
      Buffer.concat([word, ascii(`\n\nCo-authored-by: `), word, ascii(' <co@x>\n')]),
    );
    await must(clone, 'push', '-q', 'origin', 'HEAD:main');
    expect(await versionOf(`${at}.md`), encoding).toMatchObject({
      authors: [
        { name: text, email: 'old@example.com' },
        { name: text, email: 'co@x' },
      ],
      message: `${text}\n\nCo-authored-by: ${text} <co@x>`,
    });
  }
  const commits = (await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/commits`)).body.data;
  const names = commits.map(
    ({ attributes }) => (attributes.authors as { name: string }[])[0]!.name,
  );
  expect(names).toEqual(words.map(([, , text]) => text).reverse());
  // The next version is made on top of such a commit, and the history is still read.
  await ann.file(workspace, 'next.md', 'next\n');
  const file = await fileAt('0.md');
  const blame = await ann.get(`/files/${file.id}/blame`);
  expect(blame.status).toBe(200);
  expect(JSON.stringify(blame.body)).toContain('Jürgen');
});

test('13.A6 a branch of an old commit is listed and merged', async () => {
  await ann.file(workspace, 'a.md', 'a\n');
  await must(clone, 'pull', '-q', 'origin', 'main');
  await commit('old.md', 'ISO-8859-1', bytes('4a fc 72 67 65 6e'), bytes('47 72 fc df 65'));
  await must(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/old');
  const branches = (await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/branches`)).body;
  const old = branches.data.find(({ attributes }) => attributes.name === 'old')!;
  expect(old.attributes).toMatchObject({ message: 'Grüße', authors: [{ name: 'Jürgen' }] });
  const merged = await ann.post(`/branches/${old.id}/merge`, 'branches', {});
  expect(merged.status).toBe(200);
  expect(await versionOf('old.md')).toMatchObject({ message: 'Grüße' });
  const query = `{ fileVersions(filter: {message: {eq: "Grüße"}}) { edges { node { authors } } } }`;
  const answer = await ann.request('/api/graphql', {
    method: 'POST',
    body: { query },
    headers: { 'content-type': 'application/json' },
  });
  expect(JSON.stringify(answer.body)).toContain('Jürgen');
});

test('13.A6 NULs, control characters and impossible times of a commit are no error', async () => {
  await writeFile(join(clone, 'a.md'), 'a\n');
  await must(clone, 'add', '.');
  const tree = await must(clone, 'write-tree');
  const object = Buffer.concat([
    ascii(`tree ${tree}\nauthor E\x1b[31mve\x07 <e\x01@x> 99999999999999 +0000\n`),
    ascii(`committer Eve <e@x> 1 +0000\n\nbell\x07 nul\0 after`),
    Buffer.from(`${'x'.repeat(9_985)}${'😀'.repeat(20)}\n`),
  ]);
  const args = ['-C', clone, 'hash-object', '-t', 'commit', '-w', '--literally', '--stdin'];
  const oid = execFileSync('git', args, { input: object }).toString().trim();
  await must(clone, 'push', '-q', 'origin', `${oid}:refs/heads/main`);
  const { authors, message } = await versionOf('a.md');
  expect(authors).toEqual([{ name: 'E\ufffd[31mve\ufffd', email: 'e\ufffd@x' }]);
  expect(message).toMatch(/^bell\ufffd nul\ufffd after/);
  const commits = await ann.get<RecordObject[]>(`/workspaces/${workspace.id}/commits`);
  expect(commits.body.data[0]!.attributes).toMatchObject({ committedAt: null });
});

async function commit(path: string, encoding: string | undefined, name: Buffer, message: Buffer) {
  await writeFile(join(clone, path), `${path}\n`);
  await commitAs(clone, { encoding, name, message });
}

async function fileAt(path: string): Promise<RecordObject> {
  const url = `/workspaces/${workspace.id}/files?filter[path]=${path}`;
  return (await ann.get<RecordObject[]>(url)).body.data[0]!;
}

async function versionOf(path: string): Promise<Record<string, unknown>> {
  const { id } = await fileAt(path);
  const versions = await ann.get<RecordObject[]>(`/files/${id}/versions`);
  return versions.body.data[0]!.attributes;
}

test('13.A6 an encoding in which git could not read its own headers is none: the workspace goes on', async () => {
  for (const encoding of ['UTF-16LE', 'utf-16', 'UTF-16BE', 'ISO-2022-JP']) {
    await commit(`${encoding}.md`, encoding, ascii('Plain \x1b$B'), ascii('Plain\n'));
    await must(clone, 'push', '-q', 'origin', 'HEAD:main');
    await ann.file(workspace, `after-${encoding}.md`, 'after\n');
    await must(clone, 'pull', '-q', '--no-edit', 'origin', 'main');
    expect(await versionOf(`${encoding}.md`), encoding).toMatchObject({
      authors: [{ email: 'old@example.com' }],
      message: 'Plain',
    });
  }
});
