import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Operation = { requestBody?: { content: Record<string, unknown> } };
type Document = { paths: Record<string, Record<string, Operation>> };

let server: TestServer;
let ann: Person;
let mallory: Person;
/** A record of Ann's for every type that she has one of. */
const hers = new Map<string, RecordObject>();
/** An upload of hers, which is no record. */
let herUpload: string;
/** What uploads want of every request; the last is for POST. */
const tus = {
  ...{ 'tus-resumable': '1.0.0', 'upload-offset': '0', 'x-http-method-override': 'PATCH' },
  'content-type': 'application/offset+octet-stream',
};

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url, 'Ann');
  mallory = await register(server.url, 'Mallory');
  const workspace = await ann.workspace();
  await ann.file(workspace, 'n.md', '# N\n\n```bash\necho hi\n```\n');
  await ann.key('read');
  await ann.post('/invitations', 'invitations', { email: 'late@example.com', role: 'member' });
  await server.query(`select notify_person($1, 'team.deleted', null, '{}')`, [ann.id]);
  const { body } = await ann.get<RecordObject[]>('/tasks');
  const run = await ann.post(`/tasks/${body.data[0]!.id}/runs`, 'task-runs');
  // To its end: what it still had to say would be counted as the stranger's doing.
  await (await ann.fetch(`/task-runs/${run.body.data.id}/outputs/stream`)).text();
  const types = [
    'workspaces',
    'files',
    'file-versions',
    'notebooks',
    'tasks',
    'task-runs',
    'events',
    'api-keys',
    'invitations',
    'notifications',
    'notification-preferences',
    'user-teams',
    'teams',
    'users',
  ];
  for (const type of types) {
    const answer = await ann.get<RecordObject[]>(`/${type}`);
    const own =
      type === 'users'
        ? answer.body.data.find((record) => record.id === ann.id)
        : answer.body.data[0];
    hers.set(type, own!);
  }
  const metadata = `workspaceId ${btoa(workspace.id)},path ${btoa('up.md')}`;
  const headers = { ...tus, 'upload-length': '7', 'upload-metadata': metadata };
  const upload = await ann.fetch('/uploads', { method: 'POST', headers });
  herUpload = upload.headers.get('location')!.split('/').at(-1)!;
});
afterAll(() => server.stop());

test('a stranger gets 404 for everything of hers, by every route that exists', async () => {
  const document = (await (await mallory.fetch('/openapi.json')).json()) as Document;
  const before = await server.query('select count(*) from events');
  let checked = 0;
  for (const [path, operations] of Object.entries(document.paths)) {
    const type = path.split('/')[1]!;
    const record = type === 'uploads' ? { id: herUpload } : hers.get(type);
    if (!path.includes('{id}') || !record) continue;
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const [mediaType = ''] = Object.keys(requestBody?.content ?? {});
      const body = mediaType.includes('json')
        ? { data: { type, id: record.id, attributes: {} } }
        : undefined;
      const headers: Record<string, string> =
        type === 'uploads' ? tus : mediaType ? { 'content-type': mediaType } : {};
      const answer = await mallory.fetch(path.replace('{id}', record.id), {
        ...{ method: method.toUpperCase(), body, headers },
        raw: mediaType && !body ? 'x' : undefined,
      });
      expect([method, path, answer.status]).toEqual([method, path, 404]);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(70);
  expect(await server.query('select count(*) from events')).toEqual(before);
});

test('her records are in none of a stranger’s lists, counts, includes or searches', async () => {
  for (const [type, record] of hers) {
    const list = await mallory.get<RecordObject[]>(
      `/${type}?filter[id]=${record.id}&page[count]=true`,
    );
    expect([type, list.body.data, list.body.meta]).toEqual([type, [], { page: { total: 0 } }]);
  }
});

test('GraphQL shows a stranger none of them either', async () => {
  for (const [type, record] of hers) {
    const list = type.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const { data } = await mallory.graphql<Record<string, unknown>>(
      `query ($id: ID!) { node(id: $id) { id } one: ${list.replace(/(?<=ch)es$|s$/, '')}(id: $id) { id } ${list}(filter: { id: { eq: $id } }) { totalCount edges { node { id } } } }`,
      { id: record.id },
    );
    expect([type, data]).toEqual([
      type,
      { node: null, one: null, [list]: { totalCount: 0, edges: [] } },
    ]);
  }
});

test('the git address of her workspace does not exist for a stranger', async () => {
  const slug = hers.get('workspaces')!.attributes.slug;
  const team = hers.get('teams')!.attributes.slug;
  const ask = (token: string) =>
    fetch(`${server.url}/git/${team}/${slug}.git/info/refs?service=git-upload-pack`, {
      headers: { authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}` },
    });
  expect((await ask(mallory.token!)).status).toBe(404);
  expect((await ask(ann.token!)).status).toBe(200);
});

test('streams show a stranger nothing', async () => {
  const runId = hers.get('task-runs')!.id;
  expect((await mallory.fetch(`/task-runs/${runId}/outputs/stream`)).status).toBe(404);
  const foreign = await mallory.fetch(`/events/stream?workspace=${hers.get('workspaces')!.id}`, {
    headers: { 'last-event-id': '0-0' },
  });
  const reader = foreign.body!.getReader();
  await ann.workspace('Secret');
  await mallory.workspace('Own');
  let text = '';
  for (const end = Date.now() + 1_500; Date.now() < end; ) {
    const piece = await Promise.race([
      reader.read(),
      new Promise<undefined>((resolve) => setTimeout(resolve, 300)),
    ]);
    if (piece?.value) text += Buffer.from(piece.value).toString();
  }
  await reader.cancel();
  expect(text).not.toContain('Secret');
});

test('a foreign id in place of an own one is refused, and nothing is made', async () => {
  const before = await server.query('select count(*) from files');
  const relationships = {
    workspace: { data: { type: 'workspaces', id: hers.get('workspaces')!.id } },
  };
  for (const attributes of [{ path: 'x.md' }, { path: 'x.md', content: 'x' }]) {
    expect((await mallory.post('/files', 'files', attributes, relationships)).status).toBe(404);
  }
  expect(await server.query('select count(*) from files')).toEqual(before);
});

test('a key reads and writes no more than its scopes', async () => {
  const reader = await ann.key('files:read');
  expect((await reader.get('/files')).status).toBe(200);
  expect((await reader.get('/workspaces')).status).toBe(403);
  const file = hers.get('files')!;
  expect((await reader.delete(`/files/${file.id}`)).status).toBe(403);
  expect(
    (await reader.fetch(`/files/${file.id}/content`, { method: 'PUT', raw: 'x' })).status,
  ).toBe(403);
  expect(
    (await reader.post('/api-keys', 'api-keys', { name: 'more', scopes: ['write'] })).status,
  ).toBe(403);
  const { data } = await reader.graphql<{ deleteFile: { errors: { code: string }[] } }>(
    'mutation ($id: ID!) { deleteFile(id: $id) { errors { code } } }',
    { id: file.id },
  );
  expect(data.deleteFile.errors[0]!.code).toBe('forbidden');
});
