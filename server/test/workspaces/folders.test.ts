import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Identifier, type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ada: Person;
let workspace: RecordObject;

beforeAll(async () => {
  server = await startServer();
  ada = await register(server.url, 'Ada');
  workspace = await ada.workspace('Tree');
});
afterAll(() => server.stop());

const list = async (path: string) => (await ada.get<RecordObject[]>(path)).body.data;
const folders = async (parent: string, of: Identifier = workspace) =>
  (await list(`/workspaces/${of.id}/folders?filter[folderPath]=${encodeURIComponent(parent)}`)).map(
    ({ attributes }) => [attributes.path, attributes.fileCount],
  );
const files = async (folder: string) =>
  (
    await list(
      `/workspaces/${workspace.id}/files?filter[folderPath]=${encodeURIComponent(folder)}&sort=sortName`,
    )
  ).map(({ attributes }) => attributes.name);

test('13.B5 a folder is listed by itself: its folders with counts, and its files', async () => {
  for (const path of [
    'b.md',
    'A.md',
    'img 10.txt',
    'img 2.txt',
    'Docs/x/one.md',
    'Docs/two.md',
    'über/é.md',
  ])
    await ada.file(workspace, path, 'text\n');
  expect(await folders('')).toEqual([
    ['Docs', 2],
    ['über', 1],
  ]);
  expect(await files('')).toEqual(['A.md', 'b.md', 'img 2.txt', 'img 10.txt']);
  expect([await folders('Docs'), await files('Docs')]).toEqual([[['Docs/x', 1]], ['two.md']]);
  expect(await files('Docs/x')).toEqual(['one.md']);
});

test('13.B5 folders follow moves, the trash and restores', async () => {
  const other = await ada.workspace('Moves');
  const file = await ada.file(other, 'a/b/c/file.md', 'text\n');
  expect(await folders('a/b', other)).toEqual([['a/b/c', 1]]);
  await ada.patch(`/files/${file.id}`, file, { path: 'a/x/file.md' });
  expect([await folders('a', other), await folders('a/b', other)]).toEqual([[['a/x', 1]], []]);
  await ada.delete(`/files/${file.id}`);
  expect(await folders('', other)).toEqual([]);
  await ada.post(`/files/${file.id}/restore`, 'files');
  expect(await folders('', other)).toEqual([['a', 1]]);
});

test('13.B5 a folder of another team is seen by nobody else', async () => {
  const eve = await register(server.url, 'Eve');
  const [docs] = await list(`/workspaces/${workspace.id}/folders?filter[folderPath]=`);
  expect((await ada.get(`/folders/${docs!.id}`)).status).toBe(200);
  expect((await eve.get(`/folders/${docs!.id}`)).status).toBe(404);
  expect((await eve.get(`/workspaces/${workspace.id}/folders`)).status).toBe(404);
  expect((await eve.get<RecordObject[]>('/folders')).body.data).toEqual([]);
});

test('13.B5 GraphQL answers the same', async () => {
  const answer = await ada.graphql<{ workspace: { folders: unknown; files: unknown } }>(
    `query ($id: ID!) { workspace(id: $id) {
      folders(filter: { folderPath: { eq: "Docs" } }) { edges { node { path fileCount } } }
      files(filter: { folderPath: { eq: "Docs" } }, sort: ["sortName"]) { edges { node { name } } } } }`,
    { id: workspace.id },
  );
  expect(answer).toEqual({
    data: {
      workspace: {
        folders: { edges: [{ node: { path: 'Docs/x', fileCount: 1 } }] },
        files: { edges: [{ node: { name: 'two.md' } }] },
      },
    },
  });
});

test('13.B5 a name is found in one request, whatever its case', async () => {
  const find = async (text: string) =>
    (
      await list(
        `/files?filter[foldedPath][contains]=${encodeURIComponent(text)}&filter[workspace][archivedAt][is_nil]=true&sort=-updatedAt`,
      )
    ).map(({ attributes }) => attributes.path);
  expect(await find('docs/two')).toEqual(['Docs/two.md']);
  expect(await find('é.m')).toEqual(['über/é.md']);
});

test('13.B5 a path of two thousand levels makes no more than a hundred folders', async () => {
  const deep = await ada.workspace('Deep');
  await ada.file(deep, `${'a/'.repeat(2_000)}file.md`, 'text\n');
  const [row] = await server.query<{ count: string }>(
    'select count(*) from folder_paths where workspace_id = $1',
    [deep.id],
  );
  expect(Number(row!.count)).toBe(100);
});

test('13.B5 a folder among 100,000 files is listed by pages', async () => {
  const large = await ada.workspace('Large');
  // Rows alone: the triggers would take minutes.
  await server.query(`set session_replication_role = replica;
    insert into files (id, team_id, workspace_id, path, folded_path, name)
      select gen_random_uuid(), team_id, id, p, p, split_part(p, '/', 2) from workspaces,
        lateral (select 'folder ' || n % 200 || '/file ' || n || '.md' as p from generate_series(1, 100000) n) x
      where id = '${large.id}';
    insert into folder_paths (id, team_id, workspace_id, path, folded_path)
      select distinct on (folder_path) gen_random_uuid(), team_id, workspace_id, folder_path, folder_path
      from files where workspace_id = '${large.id}';
    set session_replication_role = origin`);
  await server.query('analyze files; analyze folder_paths');
  const base = `/workspaces/${large.id}`;
  const page = await ada.get<RecordObject[]>(
    `${base}/files?filter[folderPath]=folder 7&sort=sortName&page[limit]=100&page[offset]=400&page[count]=true`,
  );
  expect(page.body.meta).toEqual({ page: { total: 500 } });
  expect(page.body.data.at(-1)!.attributes.name).toBe('file 99807.md');
  const tops = await list(`${base}/folders?filter[folderPath]=&page[limit]=100`);
  expect(tops.slice(0, 3).map(({ attributes }) => [attributes.name, attributes.fileCount])).toEqual(
    [
      ['folder 0', 500],
      ['folder 1', 500],
      ['folder 2', 500],
    ],
  );
}, 60_000);

test('a path too long for an index is refused with a sentence', async () => {
  const segment = () => randomBytes(100).toString('hex');
  const longest = Array.from({ length: 19 }, segment).join('/');
  const other = await ada.workspace('Long paths');
  const ours = { workspace: { data: { type: 'workspaces', id: other.id } } };
  const make = (bytes: number) =>
    ada.post('/files', 'files', { path: longest.slice(0, bytes), content: 'x' }, ours);
  expect((await make(2_500)).status).toBe(201);
  for (const bytes of [2_700, 3_800]) {
    const { status, body } = await make(bytes);
    expect([status, body.errors[0]!.detail]).toEqual([422, 'A name or a path is too long.']);
  }
});
