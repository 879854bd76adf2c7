import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, until } from '../collaboration/editor.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

const contentOf = async (file: RecordObject) =>
  (await ann.fetch(`/files/${file.id}/content`)).text();

const text64 = (text: string) => Buffer.from(text).toString('base64');

/** Ways to write content past an open document; each answers the status. */
const ways: [string, (file: RecordObject, workspace: RecordObject) => Promise<Response>, number][] =
  [
    ['PUT', (file) => ann.fetch(`/files/${file.id}/content`, { method: 'PUT', raw: 'new\n' }), 200],
    [
      'restore',
      (file) =>
        ann.fetch(`/files/${file.id}/restore`, {
          ...{ method: 'POST', body: { data: { type: 'files', attributes: { version: 1 } } } },
        }),
      200,
    ],
    [
      'upload',
      (file, workspace) =>
        ann.fetch('/uploads', {
          method: 'POST',
          headers: {
            'tus-resumable': '1.0.0',
            'upload-length': '4',
            'upload-metadata': `workspaceId ${text64(workspace.id)},path ${text64(String(file.attributes.path))}`,
            'content-type': 'application/offset+octet-stream',
          },
          raw: 'new\n',
        }),
      201,
    ],
  ];

test.each(ways)(
  'C3 a durable write by %s is answered as one when its open document cannot follow',
  async (name, way, status) => {
    const workspace = await ann.workspace();
    const file = await ann.file(workspace, `${name}.md`, 'new\n');
    await ann.fetch(`/files/${file.id}/content`, { method: 'PUT', raw: 'old\n' });
    const editor = await open(server.url, ann.token, file.id);
    await server.query(`create or replace function fail() returns trigger language plpgsql
      as $$ begin raise exception 'no'; end $$`);
    await server.query(`create trigger fail before update on document_states for each row
      when (new.base_version > old.base_version) execute function fail()`);
    const answer = await way(file, workspace);
    await server.query('drop trigger fail on document_states');
    expect([answer.status, await contentOf(file)]).toEqual([status, 'new\n']);
    // The document follows at its next turn.
    expect((await ann.post(`/files/${file.id}/versions`, 'file-versions')).status).toBe(200);
    await expect.poll(() => editor.text).toBe('new');
    editor.leave();
  },
);

test('C3 a document that cannot become a version holds up no write, restore or deletion of its file', async () => {
  const workspace = await ann.workspace();
  const file = await ann.file(workspace, 'stuck.md', 'one\n');
  const editor = await open(server.url, ann.token, file.id);
  await server.query(`create or replace function fail() returns trigger language plpgsql
    as $$ begin raise exception 'no' using errcode = 'unique_violation'; end $$`);
  await server.query(`create trigger fail before update on document_states for each row
    when (new.snapshot_seq is distinct from old.snapshot_seq) execute function fail()`);
  editor.type('typed');
  await until(() => editor.isSaved);
  expect((await ann.post(`/files/${file.id}/versions`, 'file-versions')).status).toBe(409);
  const put = await ann.fetch(`/files/${file.id}/content`, { method: 'PUT', raw: 'two\n' });
  expect([put.status, await contentOf(file)]).toEqual([200, 'two\n']);
  const restored = await ann.post(`/files/${file.id}/restore`, 'files', { version: 1 });
  expect([restored.status, await contentOf(file)]).toEqual([200, 'one\n']);
  expect((await ann.delete(`/files/${file.id}`)).status).toBe(204);
  await until(() => editor.closed);
  editor.leave();
  const [left] = await server.query<{ count: number }>(
    'select count(*)::integer from document_updates where file_id = $1',
    [file.id],
  );
  expect(left!.count).toBeGreaterThan(0);
  await server.query('drop trigger fail on document_states');
});

test('C3 what is wrong with a request is said before anything is changed', async () => {
  const count = async () => (await ann.get<RecordObject[]>('/workspaces')).body.data.length;
  const before = await count();
  const make = (query: string, person = ann) =>
    person.post(`/workspaces${query}`, 'workspaces', { name: 'Never' });
  expect((await make('?include=nothing')).status).toBe(400);
  expect((await make('?fields[workspaces]=nothing')).status).toBe(400);
  const key = await ann.key('workspaces:write');
  expect((await make('?include=team', key)).status).toBe(403);
  const [file] = (await ann.get<RecordObject[]>('/files')).body.data;
  const text = await contentOf(file!);
  const put = await ann.fetch(`/files/${file!.id}/content?include=nothing`, {
    method: 'PUT',
    raw: 'never',
  });
  expect([put.status, await contentOf(file!)]).toEqual([400, text]);
  expect(await count()).toBe(before);
});

test('C3 a change is answered without what cannot be read beside it', async () => {
  await server.query('revoke select on teams from kyozo_server');
  const answer = await ann.post('/workspaces?include=team', 'workspaces', { name: 'Stands' });
  await server.query('grant select on teams to kyozo_server');
  expect([answer.status, answer.body.data.attributes.name]).toEqual([201, 'Stands']);
  expect((await ann.get(`/workspaces/${answer.body.data.id}`)).status).toBe(200);
});
