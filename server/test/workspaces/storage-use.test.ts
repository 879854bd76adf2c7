import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

const list = async (path: string) =>
  (await ann.get<RecordObject[]>(path)).body.data.map(({ attributes }) => attributes);

test('what is stored where: each content once, and the use of each backend', async () => {
  const workspace = await ann.workspace();
  const picture = Buffer.concat([
    Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    Buffer.alloc(84),
  ]);
  const [a, b, c] = [
    await ann.file(workspace, 'a.md', 'same\n'),
    await ann.file(workspace, 'b.md', 'same\n'),
    await ann.file(workspace, 'c.png', ''),
  ];
  await ann.request(`/files/${c!.id}/content`, { method: 'PUT', raw: picture });
  await ann.request(`/files/${a!.id}/content`, { method: 'PUT', raw: 'other\n' });

  const blobs = await list('/blobs?sort=insertedAt');
  const contents = [Buffer.from('same\n'), Buffer.from(''), picture, Buffer.from('other\n')];
  expect(blobs.map(({ sha256, size, versionCount }) => [sha256, size, versionCount])).toEqual(
    contents.map((bytes, at) => [
      createHash('sha256').update(bytes).digest('hex'),
      bytes.length,
      at === 0 ? 2 : 1,
    ]),
  );
  expect(await list(`/blobs?filter[storageBackend]=disk`)).toMatchObject([
    { contentType: 'image/png', size: 100 },
  ]);

  const use = `/workspaces/${workspace.id}/storage?sort=storageBackend`;
  expect(await list(use)).toMatchObject([
    { storageBackend: 'disk', fileCount: 1, fileSize: 100, versionCount: 1, versionSize: 100 },
    { storageBackend: 'git', fileCount: 2, fileSize: 11, versionCount: 4, versionSize: 16 },
  ]);
  await ann.delete(`/files/${b!.id}`);
  expect(await list(use)).toMatchObject([
    {},
    { storageBackend: 'git', fileCount: 1, fileSize: 6, versionCount: 4 },
  ]);
  await ann.post(`/files/${b!.id}/purge`, 'files');
  expect(await list(use)).toMatchObject([{}, { versionCount: 3 }]);

  // One by its id, with its entity tag, and nothing of it for anyone else.
  const [one] = (await ann.get<RecordObject[]>('/blobs')).body.data;
  const alone = await ann.get(`/blobs/${one!.id}`);
  expect(alone.body.data.attributes).toEqual(one!.attributes);
  expect(alone.headers.get('etag')).toMatch(/^"[0-9a-z]+"$/);
  const eve = await register(server.url);
  expect((await eve.get(`/blobs/${one!.id}`)).status).toBe(404);
  expect((await eve.get<RecordObject[]>('/storage-resources')).body.data).toEqual([]);
  expect((await ann.get<RecordObject[]>('/storage-resources?include=workspace')).status).toBe(200);
});
