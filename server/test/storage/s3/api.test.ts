import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../../src/storage/s3.ts';
import { type Person, type RecordObject, register } from '../../support/api.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { FaultyProxy } from './proxy.ts';
import { endpoint, settings } from './support.ts';

let proxy: FaultyProxy;
let server: TestServer;
let ann: Person;
let workspace: RecordObject;

beforeAll(async () => {
  if (endpoint === undefined) return;
  proxy = await FaultyProxy.start(endpoint);
  const s3 = settings(proxy.url, undefined, 10_000);
  await new S3Store(settings(endpoint, s3.bucket, 60_000)).check();
  server = await startServer({ s3 });
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(async () => {
  if (endpoint === undefined) return;
  await server.stop();
  await proxy.stop();
});

const image = () => {
  const bytes = randomBytes(5 * 2 ** 20 + 1);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(bytes);
  // Where a reader looks for the next chunks; random lengths would lead it nowhere.
  bytes.fill(7, 16, 4_096);
  return bytes;
};
const upload = async (path: string, bytes: Buffer) => {
  const attributes = { path, content: bytes.toString('base64'), encoding: 'base64' };
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  const { status, body } = await ann.post('/files', 'files', attributes, relationships);
  return { status, file: body.data };
};
const bytesOf = async ({ id }: RecordObject) =>
  Buffer.from(await (await ann.fetch(`/files/${id}/content`)).arrayBuffer());
type Health = { status: string; checks: Record<string, { status: string }[]> };
const health = async () => {
  const answer = await ann.fetch('/health/ready');
  const { status, checks } = (await answer.json()) as Health;
  return { code: answer.status, status, s3: checks['storage:s3']?.[0]?.status };
};

test.skipIf(endpoint === undefined)(
  'with S3 down its files are 503, new ones go to disk, the rest goes on, and it heals',
  async () => {
    const [one, two] = [image(), image()];
    const before = await upload('before.png', one);
    expect([before.status, before.file.attributes.storageBackend]).toEqual([201, 's3']);
    const note = await ann.file(workspace, 'note.md', 'still here\n');
    expect(await health()).toEqual({ code: 200, status: 'pass', s3: 'pass' });

    proxy.become('refuses');
    const refused = await ann.request(`/files/${before.file.id}/content`);
    expect([refused.status, refused.body.errors[0]!.code]).toEqual([503, 'unavailable']);
    expect(refused.headers.get('content-type')).toContain('application/vnd.api+json');
    const during = await upload('during.png', two);
    expect([during.status, during.file.attributes.storageBackend]).toEqual([201, 'disk']);
    expect((await bytesOf(during.file)).equals(two)).toBe(true);
    expect(String(await bytesOf(note))).toBe('still here\n');
    expect(await health()).toEqual({ code: 200, status: 'warn', s3: 'warn' });

    proxy.become('passes');
    expect(await health()).toEqual({ code: 200, status: 'pass', s3: 'pass' });
    expect((await bytesOf(before.file)).equals(one)).toBe(true);
    expect((await bytesOf(during.file)).equals(two)).toBe(true);
    const after = await upload('after.png', image());
    expect([after.status, after.file.attributes.storageBackend]).toEqual([201, 's3']);
  },
  120_000,
);
