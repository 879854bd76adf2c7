import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
/** The one that is asked to move. */
let mover: RecordObject;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
  await ann.file(workspace, 'docs/Guide.md', '# Guide\n');
  await ann.file(workspace, 'caf\u00e9.md', 'x\n');
  await ann.file(workspace, 'empty.md');
  await ann.file(workspace, 'kept.md', 'kept\n');
  mover = await ann.file(workspace, 'mover.md', 'moves\n');
});
afterAll(() => server.stop());

const create = (attributes: object) =>
  ann.post('/files', 'files', attributes, {
    workspace: { data: { type: 'workspaces', id: workspace.id } },
  });
const counts = () =>
  server.query('select (select count(*) from files), (select count(*) from events) as events');
const at = { pointer: '/data/attributes/path' };

test.each([
  ['empty', ''],
  ['blank', ' '],
  ['parent', '..'],
  ['parent inside', 'a/../b.md'],
  ['parent at the end', 'a/..'],
  ['here', './a.md'],
  ['empty segment', 'a//b.md'],
  ['folder', 'a/'],
  ['absolute', '/etc/passwd'],
  ['drive', 'C:/a.md'],
  ['share', '//server/share'],
  ['backslash', 'a\\b.md'],
  ['NUL', 'a\0.md'],
  ['line feed', 'a\nb.md'],
  ['escape', 'a\u001b[31m.md'],
  ['delete', 'a\u007f.md'],
  ['C1 control', 'a\u0085.md'],
  ['line separator', 'a\u2028.md'],
  ['half a pair', 'a\ud800.md'],
  ['.git', '.git/config'],
  ['.GIT', 'a/.GIT/hooks/x'],
  ['.git with a dot', '.git./config'],
  ['.git with a space', '.git /config'],
  ['.git with an ignored character', '.g\u200cit/config'],
  ['short name of .git', 'GIT~1/config'],
  ['stream of .git', '.git::$INDEX_ALLOCATION/config'],
  ['trailing dot', 'a.'],
  ['trailing space', 'a '],
  ['trailing dot inside', 'a./b.md'],
  ['256 bytes', 'x'.repeat(256)],
  ['256 bytes of two-byte letters', 'é'.repeat(128)],
  ['5,000 bytes', 'x/'.repeat(2_500).concat('x')],
  ['case clash', 'docs/guide.MD'],
  ['case clash of folders', 'DOCS/Guide.md'],
  ['normalisation clash', 'cafe\u0301.md'],
  ['file where a folder is', 'docs'],
  ['file where a folder is, in another case', 'Docs'],
  ['file in a file', 'kept.md/a.md'],
  ['file in an empty file', 'EMPTY.md/a.md'],
])('%s → 422 by POST and PATCH, with a pointer, and nothing is made', async (_name, path) => {
  const before = await counts();
  for (const answer of [
    await create({ path, content: 'x' }),
    await create({ path }),
    await ann.patch(`/files/${mover.id}`, mover, { path }),
  ]) {
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error) => error.source)).toEqual([at]);
  }
  expect(await counts()).toEqual(before);
});

test('the very same path again is a conflict', async () => {
  const before = await counts();
  for (const answer of [
    await create({ path: 'kept.md', content: 'x' }),
    await create({ path: 'empty.md' }),
    await ann.patch(`/files/${mover.id}`, mover, { path: 'docs/Guide.md' }),
  ]) {
    expect(answer.status).toBe(409);
    expect(answer.body.errors.map((error) => error.source)).toEqual([at]);
  }
  expect(await counts()).toEqual(before);
});

test.each([
  'a b.md',
  '...md',
  '.gitignore',
  '.github/x.yml',
  'git/x',
  'x'.repeat(255),
  'emoji 😀.md',
  '日本語/文書.md',
  'שלום.md',
  'quo\'te".md',
  '%2e%2e/x',
  'a%00b',
  '-rf',
  '--help.md',
  '$(id).md',
  'con/aux.txt',
  'nul',
  '__proto__/constructor',
  'null',
])('%j is a fine path', async (path) => {
  const file = await ann.file(workspace, path, 'x\n');
  expect(file.attributes).toMatchObject({ path, name: path.split('/').at(-1) });
  expect(await (await ann.fetch(`/files/${file.id}/content`)).text()).toBe('x\n');
});

test('a file may change the case of its own name, and a deleted one gives its place free', async () => {
  const file = await ann.file(workspace, 'Readme.md', 'x\n');
  const moved = await ann.patch(`/files/${file.id}`, file, { path: 'README.md' });
  expect([moved.status, moved.body.data.attributes.path]).toEqual([200, 'README.md']);
  expect((await ann.delete(`/files/${file.id}`)).status).toBe(204);
  const next = await ann.file(workspace, 'readme.md/inside.md', 'y\n');
  const back = await ann.post(`/files/${file.id}/restore`, 'files');
  expect([back.status, back.body.errors[0]!.source]).toEqual([422, at]);
  expect((await ann.delete(`/files/${next.id}`)).status).toBe(204);
  expect((await ann.post(`/files/${file.id}/restore`, 'files')).status).toBe(200);
});

test('of two writers of one path at once, one makes it', async () => {
  for (const paths of [
    ['race/a.md', 'race/a.md'],
    ['race/b.md', 'race/B.md'],
    ['race/c', 'race/c/d.md'],
  ]) {
    const answers = await Promise.all(paths.map((path) => create({ path, content: 'x' })));
    const statuses = answers.map(({ status }) => status).sort();
    expect([paths, statuses]).toEqual([paths, [201, paths[0] === paths[1] ? 409 : 422]]);
  }
});
