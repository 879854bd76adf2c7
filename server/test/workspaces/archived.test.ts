import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, until } from '../collaboration/editor.ts';
import { addressOf, git, must, temporary } from '../git/repository.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

const atomic = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';

type Scene = Awaited<ReturnType<typeof furnish>>;

/** A workspace with a text, a file in the trash, a notebook and a branch. */
async function furnish() {
  const workspace = await ann.workspace();
  const text = await ann.file(workspace, 'text.md', 'one\n');
  const gone = await ann.file(workspace, 'gone.md', 'gone\n');
  await ann.delete(`/files/${gone.id}`);
  const book = await ann.file(workspace, 'book.md', '```bash {name=one}\necho ran\n```\n');
  const notebook = (await ann.get(`/files/${book.id}/notebook`)).body.data;
  const [task] = (await ann.get<RecordObject[]>(`/notebooks/${notebook.id}/tasks`)).body.data;
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  const branch = (await ann.post('/branches', 'branches', { name: 'side' }, relationships)).body
    .data;
  return { workspace, text, gone, notebook, task: task!, branch, relationships };
}

/** Every way to change what a workspace holds; each answers the status. */
const ways: Record<string, (scene: Scene) => Promise<number>> = {
  'a new file': async ({ relationships }) =>
    (await ann.post('/files', 'files', { path: 'new.md', content: 'x' }, relationships)).status,
  'an empty file': async ({ relationships }) =>
    (await ann.post('/files', 'files', { path: 'empty.md' }, relationships)).status,
  'a rename': async ({ text }) =>
    (await ann.patch(`/files/${text.id}`, text, { path: 'renamed.md' })).status,
  'new content': async ({ text }) =>
    (await ann.fetch(`/files/${text.id}/content`, { method: 'PUT', raw: 'two\n' })).status,
  'a deletion': async ({ text }) => (await ann.delete(`/files/${text.id}`)).status,
  'a restore from the trash': async ({ gone }) =>
    (await ann.post(`/files/${gone.id}/restore`, 'files')).status,
  'an old version': async ({ text }) =>
    (await ann.post(`/files/${text.id}/restore`, 'files', { version: 1 })).status,
  'a purge': async ({ gone }) => (await ann.post(`/files/${gone.id}/purge`, 'files')).status,
  'a version on request': async ({ text }) =>
    (await ann.post(`/files/${text.id}/versions`, 'file-versions')).status,
  'an atomic operation': async ({ text }) => {
    const data = { type: 'files', id: text.id, attributes: { path: 'atomic.md' } };
    const body = { 'atomic:operations': [{ op: 'update', data }] };
    const headers = { 'content-type': atomic };
    return (await ann.fetch('/operations', { method: 'POST', headers, raw: JSON.stringify(body) }))
      .status;
  },
  'a mutation of GraphQL': async ({ text }) => {
    const { data } = await ann.graphql<{ it: { errors: { code: string }[] } }>(
      `mutation { it: updateFile(id: "${text.id}", input: { path: "graphql.md" }) { errors { code } } }`,
    );
    return data.it.errors[0]?.code === 'forbidden' ? 403 : 200;
  },
  'an upload': async ({ workspace }) => {
    const path = Buffer.from('upload.bin').toString('base64');
    const id = Buffer.from(workspace.id).toString('base64');
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-length': '1',
      'upload-metadata': `workspaceId ${id},path ${path}`,
    };
    return (await ann.fetch('/uploads', { method: 'POST', headers })).status;
  },
  'an import': async ({ workspace }) => {
    const headers = { 'content-type': 'application/zip' };
    const path = `/workspaces/${workspace.id}/import`;
    return (await ann.fetch(path, { method: 'POST', headers, raw: 'PK' })).status;
  },
  'a new branch': async ({ relationships }) =>
    (await ann.post('/branches', 'branches', { name: 'more' }, relationships)).status,
  'the end of a branch': async ({ branch }) => (await ann.delete(`/branches/${branch.id}`)).status,
  'a merge': async ({ branch }) =>
    (await ann.post(`/branches/${branch.id}/merge`, 'branches')).status,
  'a run of a task': async ({ task }) => (await ann.post(`/tasks/${task.id}/runs`, 'tasks')).status,
  'a run of a notebook': async ({ notebook }) =>
    (await ann.post(`/notebooks/${notebook.id}/runs`, 'notebooks')).status,
  'another name': async ({ workspace }) =>
    (await ann.patch(`/workspaces/${workspace.id}`, workspace, { name: 'Other' })).status,
};

/** All rows that people could change, as one hash. */
async function digest({ workspace }: Scene): Promise<string> {
  const [row] = await server.query<{ hash: string }>(
    `select md5(concat(
      (select string_agg((to_jsonb(f))::text, '' order by id) from files f where workspace_id = $1),
      (select string_agg((to_jsonb(v))::text, '' order by v.id) from file_versions v join files f on f.id = v.file_id where workspace_id = $1),
      (select string_agg((to_jsonb(r))::text, '' order by name) from git_refs r where workspace_id = $1),
      (select count(*) from uploads where workspace_id = $1), (select count(*) from transfers where workspace_id = $1),
      (select count(*) from task_runs r join notebooks n on n.id = r.notebook_id join files f on f.id = n.file_id where workspace_id = $1),
      (select name || head_commit from workspaces where id = $1))) as hash`,
    [workspace.id],
  );
  return row!.hash;
}

test('B2 archived is archived: no edge changes what the workspace holds, and all of it is read', async () => {
  const scene = await furnish();
  const { workspace, text } = scene;
  expect((await ann.post(`/workspaces/${workspace.id}/archive`, 'workspaces')).status).toBe(200);
  const before = await digest(scene);
  for (const [name, way] of Object.entries(ways))
    expect([name, await way(scene)]).toEqual([name, 403]);
  const place = await temporary();
  const clone = join(place.folder, 'clone');
  await must(place.folder, 'clone', await addressOf(ann, workspace), clone);
  await must(clone, 'commit', '--allow-empty', '-m', 'More');
  expect((await git(clone, 'push', 'origin', 'main')).said).toContain('archived');
  await place.remove();
  expect(await digest(scene)).toBe(before);
  expect(await (await ann.fetch(`/files/${text.id}/content`)).text()).toBe('one\n');
  expect((await ann.post(`/workspaces/${workspace.id}/export`, 'workspaces')).status).toBe(202);

  await ann.delete(`/workspaces/${workspace.id}/archive`);
  const answers = await ways['another name']!(scene);
  expect(answers).toBe(200);
});

test('B2 what is typed before the archive becomes a version, and nothing can be typed after it', async () => {
  const { workspace, text } = await furnish();
  const editor = await open(server.url, ann.token!, text.id);
  editor.type('before');
  await until(() => editor.isSaved);
  await ann.post(`/workspaces/${workspace.id}/archive`, 'workspaces');
  const content = async () => (await ann.fetch(`/files/${text.id}/content`)).text();
  await expect.poll(content).toBe('before one\n');
  // The provider connects again, and reads only.
  await until(() => editor.provider.isSynced);
  await expect.poll(() => editor.provider.authorizedScope).toBe('readonly');
  editor.type('after');
  editor.leave();
  const late = await open(server.url, ann.token!, text.id);
  expect(late.text).toBe('before one');
  late.leave();
});

test('C4 a workspace in the trash is in no list, all it holds is 404, and it comes back whole', async () => {
  const scene = await furnish();
  const { workspace, text, notebook, task, branch } = scene;
  const [version] = (await ann.get<RecordObject[]>(`/files/${text.id}/versions`)).body.data;
  const editor = await open(server.url, ann.token!, text.id);
  const before = await digest(scene);
  expect((await ann.delete(`/workspaces/${workspace.id}`)).status).toBe(204);

  const { data } = (await ann.get(`/workspaces/${workspace.id}`)).body;
  expect(data.attributes.deletedAt).toEqual(expect.any(String));
  const listed = async (path: string) =>
    (await ann.get<RecordObject[]>(path)).body.data.map(({ id }) => id);
  expect(await listed('/workspaces')).not.toContain(workspace.id);
  expect(await listed('/workspaces?filter[deletedAt][is_nil]=false')).toContain(workspace.id);
  expect(await listed('/files?page[size]=100')).not.toContain(text.id);
  const paths = [
    `/files/${text.id}`,
    `/files/${text.id}/content`,
    `/file-versions/${version!.id}`,
    `/file-versions/${version!.id}/content`,
    `/notebooks/${notebook.id}`,
    `/tasks/${task.id}`,
    `/branches/${branch.id}`,
  ];
  for (const path of paths) expect([path, (await ann.get(path)).status]).toEqual([path, 404]);
  expect(await listed(`/workspaces/${workspace.id}/files`)).toEqual([]);
  expect(await listed(`/workspaces/${workspace.id}/branches`)).toEqual([]);
  const { files } = (
    await ann.graphql<{ files: { totalCount: number } }>(
      `{ files(filter: {workspace: {id: {eq: "${workspace.id}"}}}) { totalCount } }`,
    )
  ).data;
  expect(files.totalCount).toBe(0);
  const address = await addressOf(ann, workspace);
  const refused = await git('/', 'ls-remote', address);
  expect(refused.said).toContain('not found');
  await until(() => editor.closed);
  editor.leave();
  for (const name of ['archive', 'export']) {
    const answer = await ann.post(`/workspaces/${workspace.id}/${name}`, 'workspaces');
    expect([name, answer.status]).toEqual([name, 409]);
  }
  expect(await ways['a new file']!(scene)).toBe(409);

  expect((await ann.post(`/workspaces/${workspace.id}/restore`, 'workspaces')).status).toBe(200);
  expect(await digest(scene)).toBe(before);
  for (const path of paths.filter((it) => !it.endsWith('/content')))
    expect([path, (await ann.get(path)).status]).toEqual([path, 200]);
  expect((await git('/', 'ls-remote', address)).out).toContain('refs/heads/main');
});

test('C4 only the trash is purged, by owners and admins, by GraphQL and operations alike', async () => {
  const { workspace, text } = await furnish();
  const purge = () => ann.post(`/workspaces/${workspace.id}/purge`, 'workspaces');
  expect((await purge()).status).toBe(409);
  const ref = { type: 'workspaces', id: workspace.id };
  const body = { 'atomic:operations': [{ op: 'remove', ref }] };
  const headers = { 'content-type': atomic };
  const raw = JSON.stringify(body);
  expect((await ann.fetch('/operations', { method: 'POST', headers, raw })).status).toBe(204);
  const { restored } = (
    await ann.graphql<{ restored: { errors: object[] } }>(
      `mutation { restored: restoreWorkspace(id: "${workspace.id}") { errors { code } } }`,
    )
  ).data;
  expect(restored.errors).toEqual([]);
  expect((await ann.get(`/files/${text.id}`)).status).toBe(200);
  await ann.graphql(`mutation { deleteWorkspace(id: "${workspace.id}") { errors { code } } }`);
  expect((await purge()).status).toBe(204);
  expect((await ann.get(`/workspaces/${workspace.id}`)).status).toBe(404);
  const [left] = await server.query<{ count: string }>(
    'select count(*) from files where workspace_id = $1',
    [workspace.id],
  );
  expect(left!.count).toBe('0');
  const events = await server.query<{ name: string }>(
    `select name from events where record_id = $1 and name ~ 'deleted|restored|purged' order by seq`,
    [workspace.id],
  );
  expect(events.map(({ name }) => name)).toEqual([
    'workspace.deleted',
    'workspace.restored',
    'workspace.deleted',
    'workspace.purged',
  ]);
});

test('C5 two folders that differ in case only clash, by API and by push', async () => {
  const workspace = await ann.workspace();
  await ann.file(workspace, 'Docs/Notes/a.md', 'a\n');
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  for (const path of ['docs/b.md', 'Docs/notes/b.md', 'DOCS/Notes/b.md']) {
    const answer = await ann.post('/files', 'files', { path, content: 'b\n' }, relationships);
    expect([path, answer.status]).toEqual([path, 422]);
    expect(answer.body.errors[0]!.source?.pointer).toBe('/data/attributes/path');
  }
  await ann.file(workspace, 'Docs/Notes/b.md', 'b\n');
  await ann.file(workspace, 'docs2/b.md', 'b\n');
  const place = await temporary();
  const clone = join(place.folder, 'clone');
  await must(place.folder, 'clone', await addressOf(ann, workspace), clone);
  await must(clone, 'rm', '-q', '--cached', 'Docs/Notes/b.md');
  await must(clone, 'config', 'core.ignorecase', 'false');
  await must(clone, 'mv', 'docs2', 'docs');
  await must(clone, 'commit', '-qam', 'Clash');
  const pushed = await git(clone, 'push', 'origin', 'main');
  expect([pushed.ok, pushed.said]).toEqual([false, expect.stringContaining('case')]);
  await place.remove();
});

test('C4 an export of a workspace that goes to the trash fails with its reason, and is not empty', async () => {
  const { workspace, text } = await furnish();
  // The export waits to publish what is typed, while somebody else holds the workspace.
  const editor = await open(server.url, ann.token!, text.id);
  editor.type('typed');
  await until(() => editor.isSaved);
  const holder = new pg.Client({ connectionString: server.databaseUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from workspaces where id = $1 for no key update', [workspace.id]);
  const exported = await ann.post(`/workspaces/${workspace.id}/export`, 'workspaces');
  await holder.query('update workspaces set deleted_at = now() where id = $1', [workspace.id]);
  await holder.query('commit');
  await holder.end();
  const ended = async () => {
    const [row] = await server.query<{ status: string; reason: string | null }>(
      'select status, reason from transfers where id = $1',
      [exported.body.data.id],
    );
    return row;
  };
  await expect
    .poll(ended)
    .toEqual({ status: 'failed', reason: expect.stringContaining('in the trash') });
  editor.leave();
});

test('B2 an upload that had begun before the archive is refused at its end, and can be forgotten', async () => {
  const { workspace } = await furnish();
  const metadata = { workspaceId: workspace.id, path: 'late.txt' };
  const pairs = Object.entries(metadata).map(
    ([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`,
  );
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-length': '2',
    'upload-metadata': pairs.join(','),
  };
  const made = await ann.fetch('/uploads', { method: 'POST', headers });
  const url = made.headers.get('location')!;
  await ann.post(`/workspaces/${workspace.id}/archive`, 'workspaces');
  const piece = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };
  const last = await ann.fetch(url, {
    ...{ method: 'PATCH', headers: { ...piece, 'upload-offset': '0' }, raw: 'xx' },
  });
  expect(last.status).toBe(403);
  const gone = await ann.fetch(url, { method: 'DELETE', headers: piece });
  expect(gone.status).toBe(204);
});
