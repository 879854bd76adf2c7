import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { join, membership, teamOf } from '../accounts/members.ts';
import { addressOf } from '../git/repository.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());

test.each([
  'text/plain\r\nx-evil: 1',
  'text/пример',
  'text',
  'text/plain; x="\n"',
  `a/${'b'.repeat(300)}`,
])(
  'B6 the content type %j is refused, and what was stored before is read all the same',
  async (contentType) => {
    const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
    const path = `${createHash('sha256').update(contentType).digest('hex')}.txt`;
    for (const content of [undefined, 'text\n']) {
      const given = { path, contentType, content };
      const answer = await ann.post('/files', 'files', given, relationships);
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0]!.source?.pointer).toBe('/data/attributes/contentType');
    }
    const metadata = { workspaceId: workspace.id, path, contentType };
    const pairs = Object.entries(metadata).map(
      ([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`,
    );
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-length': '1',
      'upload-metadata': pairs.join(','),
    };
    expect((await ann.fetch('/uploads', { method: 'POST', headers })).status).toBe(422);
    const file = await ann.file(workspace, path, 'text\n');
    await server.query('update files set content_type = $1 where id = $2', [contentType, file.id]);
    const read = await ann.fetch(`/files/${file.id}/content`);
    expect([read.status, await read.text()]).toEqual([200, 'text\n']);
  },
);

/** The status of GET /metrics with these headers; fetch would put its own host in. */
async function metrics(headers: Record<string, string>): Promise<number> {
  const { port } = new URL(server.url);
  const asked = request({ host: '127.0.0.1', port, path: '/metrics', headers }).end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  return answer.statusCode;
}

test('B6 /metrics answers this machine by its own name, and no page of another site', async () => {
  const { host } = new URL(server.url);
  expect(await metrics({ host })).toBe(200);
  expect(await metrics({ host: 'localhost:4000' })).toBe(200);
  expect(await metrics({ host: 'evil.example' })).toBe(403);
  expect(await metrics({ host: 'localhost.evil.example' })).toBe(403);
  expect(await metrics({ host, origin: 'http://evil.example' })).toBe(403);
});

test('B6 an upload of Git LFS that ends after its sender was removed is refused, and keeps nothing', async () => {
  const team = await teamOf(ann, 'Large files');
  const bob = await join(team, 'member');
  const shared = (await team.post('/workspaces', 'workspaces', { name: 'Shared' })).body.data;
  const { origin, pathname } = new URL(await addressOf(team, shared));
  const content = Buffer.alloc(200_000, 'x');
  const oid = createHash('sha256').update(content).digest('hex');
  const asked = request(`${origin}${pathname}/info/lfs/objects/${oid}`, {
    method: 'PUT',
    headers: {
      authorization: `Basic ${btoa(`x:${bob.token}`)}`,
      'content-type': 'application/octet-stream',
      'content-length': content.length,
    },
  });
  asked.write(content.subarray(0, 100_000));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { id } = await membership(team, bob);
  expect((await team.delete(`/user-teams/${id}`)).status).toBe(204);
  asked.end(content.subarray(100_000));
  const [answer] = await once(asked, 'response');
  answer.resume();
  expect(answer.statusCode).toBeGreaterThanOrEqual(401);
  expect(answer.statusCode).toBeLessThan(405);
  expect(await server.query('select from lfs_objects where sha256 = $1', [oid])).toEqual([]);
});
