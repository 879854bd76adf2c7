import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, Server } from '../../../../soak/server.ts';
import { S3Store } from '../../../src/storage/s3.ts';
import { type Person, type RecordObject, register } from '../../support/api.ts';
import { runJob } from '../../support/jobs.ts';
import { removeData } from '../../support/remove-data.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { namesOf } from '../collect.ts';
import { FaultyProxy } from './proxy.ts';
import { endpoint, newBucket, settings } from './support.ts';

const binary = (size = 20_000) => Buffer.concat([Buffer.of(0, 255), randomBytes(size)]);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const put = (person: Person, id: string, raw: Buffer) =>
  person.request(`/files/${id}/content`, { method: 'PUT', raw });
const bytesOf = async (person: Person, id: string) => {
  const answer = await person.fetch(`/files/${id}/content`);
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
};
async function fill(person: Person, workspace: RecordObject, count: number, size?: number) {
  const files = new Map<string, Buffer>();
  for (let at = 0; at < count; at++) {
    const { id } = await person.file(workspace, `file-${at}.bin`);
    const bytes = binary(size);
    expect((await put(person, id, bytes)).status).toBe(200);
    files.set(id, bytes);
  }
  return files;
}
const move = (person: Person, workspace: RecordObject, backend: string) =>
  person.post(`/workspaces/${workspace.id}/move-storage`, 'workspaces', { backend });
const stateOf = async (person: Person, id: string) =>
  (await person.get(`/storage-moves/${id}`)).body.data.attributes;
const backendsOf = async (person: Person, files: Iterable<string>) => {
  const all = [...files].map(async (id) => (await person.get(`/files/${id}`)).body.data);
  return new Set((await Promise.all(all)).map(({ attributes }) => attributes.storageBackend));
};
async function onDisk(dataDir: string, team: string): Promise<string[]> {
  const folder = join(dataDir, 'blobs', team);
  const starts = await readdir(folder).catch(() => []);
  const all = starts.map(async (start) =>
    (await readdir(join(folder, start))).map((rest) => start + rest),
  );
  return (await Promise.all(all)).flat().sort();
}
const env = (bucket: string, at: string) => {
  const { accessKeyId, secretAccessKey } = settings(at, bucket);
  return {
    ...{ S3_ENDPOINT: at, S3_BUCKET: bucket, S3_FORCE_PATH_STYLE: 'true' },
    ...{ S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey },
  };
};

describe.skipIf(endpoint === undefined)('content that moves', () => {
  let proxy: FaultyProxy;
  let server: TestServer;
  let bucket: string;
  let ann: Person;

  beforeAll(async () => {
    if (endpoint === undefined) return;
    proxy = await FaultyProxy.start(endpoint);
    bucket = newBucket();
    await new S3Store(settings(endpoint, bucket, 60_000)).check();
    server = await startServer({ s3: settings(proxy.url, bucket), storageGrace: 0 });
    ann = await register(server.url);
  });
  afterAll(async () => {
    if (endpoint === undefined) return;
    await server.stop();
    await proxy.stop();
  });

  const teamOf = async (workspace: RecordObject) => {
    const rows = await server.query<{ team_id: string }>(
      'select team_id from workspaces where id = $1',
      [workspace.id],
    );
    return rows[0]!.team_id;
  };
  const inBucket = async (team: string) =>
    (await namesOf(new S3Store(settings(endpoint!, bucket)), team)).sort();
  const ends = (id: string, status: string) =>
    expect
      .poll(async () => (await stateOf(ann, id)).status, { timeout: 60_000, interval: 100 })
      .toBe(status);

  test('home again: what the disk took while S3 was down goes there, once, and nothing is left', async () => {
    const workspace = await ann.workspace();
    const team = await teamOf(workspace);
    proxy.become('refuses');
    const files = await fill(ann, workspace, 3);
    const twin = await ann.file(workspace, 'twin.bin');
    await put(ann, twin.id, [...files.values()][0]!);
    files.set(twin.id, [...files.values()][0]!);
    expect(await backendsOf(ann, files.keys())).toEqual(new Set(['disk']));
    // Still down: nothing changes, and the job does not fail over it.
    await runJob(server, 'bring-storage-home', { teamId: team });
    expect(await backendsOf(ann, files.keys())).toEqual(new Set(['disk']));

    proxy.become('passes');
    await ann.fetch('/health/ready');
    await runJob(server, 'bring-storage-home', null);
    expect(await backendsOf(ann, files.keys())).toEqual(new Set(['hybrid']));
    await runJob(server, 'cleanup-storage', { teamId: team });
    const addresses = [...new Set([...files.values()].map(sha256))].sort();
    expect(await inBucket(team)).toEqual(addresses);
    expect(await onDisk(server.dataDir, team)).toEqual(addresses);
    for (const [id, bytes] of files)
      expect((await bytesOf(ann, id)).bytes.equals(bytes)).toBe(true);
    const away = await server.query('select id from file_versions where home_backend is not null');
    expect(away).toEqual([]);
  }, 120_000);

  test('a workspace moves while it is read and written, with its progress as events', async () => {
    const ben = await register(server.url);
    const workspace = await ben.workspace();
    const team = await teamOf(workspace);
    const note = await ben.file(workspace, 'note.md', 'in git\n');
    const files = await fill(ben, workspace, 40);
    const old = new Map([...files]);
    const { status, body } = await move(ben, workspace, 's3');
    expect([status, body.data.attributes.status]).toEqual([202, 'queued']);
    expect((await move(ben, workspace, 'disk')).status).toBe(409);

    let moving = true;
    const ids = [...files.keys()];
    const reader = async () => {
      let reads = 0;
      for (; moving; reads++) {
        const id = ids[reads % 30]!;
        const read = await bytesOf(ben, id);
        expect([read.status, read.bytes.equals(files.get(id)!)]).toEqual([200, true]);
      }
      return reads;
    };
    const writer = async () => {
      for (let at = 0; moving; at++) {
        const id = ids[30 + (at % 10)]!;
        const bytes = binary();
        expect((await put(ben, id, bytes)).status).toBe(200);
        files.set(id, bytes);
      }
    };
    const busy = Promise.all([reader(), writer()]);
    await expect
      .poll(async () => (await stateOf(ben, body.data.id)).status, {
        timeout: 60_000,
        interval: 50,
      })
      .toBe('succeeded')
      .finally(() => {
        moving = false;
      });
    expect((await busy)[0]).toBeGreaterThan(10);

    const state = await stateOf(ben, body.data.id);
    expect(state.done).toBe(state.total);
    expect(state.done).toBeGreaterThanOrEqual(40);
    expect(state.startedAt).not.toBeNull();
    expect(await backendsOf(ben, ids)).toEqual(new Set(['s3']));
    expect(await backendsOf(ben, [note.id])).toEqual(new Set(['git']));
    expect(workspace.attributes.storageBackend).toBeNull();
    const moved = await ben.get(`/workspaces/${workspace.id}`);
    expect(moved.body.data.attributes.storageBackend).toBe('s3');
    const rows = await server.query(
      `select distinct v.storage_backend from file_versions v join files f on f.id = v.file_id
        where f.workspace_id = $1 order by 1`,
      [workspace.id],
    );
    expect(rows).toEqual([{ storage_backend: 'git' }, { storage_backend: 's3' }]);
    const told = await ben.get<RecordObject[]>(`/events?filter[recordId]=${body.data.id}`);
    const names = told.body.data.map(({ attributes }) => attributes.name);
    expect(names.filter((name) => name === 'storage-move.progressed').length).toBeGreaterThan(2);
    expect(names).toContain('storage-move.finished');

    // What a reader knows of the old place is there until a collection finds the grace over.
    expect((await onDisk(server.dataDir, team)).length).toBeGreaterThanOrEqual(40);
    await runJob(server, 'cleanup-storage', { teamId: team });
    expect(await onDisk(server.dataDir, team)).toEqual([]);
    const named = await server.query<{ sha256: string }>(
      "select distinct sha256 from file_versions where team_id = $1 and storage_backend <> 'git'",
      [team],
    );
    expect(await inBucket(team)).toEqual(named.map((row) => row.sha256).sort());
    for (const [id, bytes] of files)
      expect((await bytesOf(ben, id)).bytes.equals(bytes)).toBe(true);
    expect(old.size).toBe(40);
    // New content goes where the workspace keeps it.
    const later = await ben.file(workspace, 'later.bin');
    await put(ben, later.id, binary());
    expect(await backendsOf(ben, [later.id])).toEqual(new Set(['s3']));
  }, 180_000);

  test('a move is cancelled once, and new content goes where it went before', async () => {
    const workspace = await ann.workspace();
    await fill(ann, workspace, 60);
    const { body } = await move(ann, workspace, 's3');
    const cancelled = await ann.post(`/storage-moves/${body.data.id}/cancel`, 'storage-moves');
    expect(cancelled.body.data.attributes.status).toBe('cancelled');
    await ends(body.data.id, 'cancelled');
    expect((await ann.post(`/storage-moves/${body.data.id}/cancel`, 'storage-moves')).status).toBe(
      409,
    );
    const later = await ann.file(workspace, 'later.bin');
    await put(ann, later.id, binary());
    expect(await backendsOf(ann, [later.id])).toEqual(new Set(['hybrid']));
    expect((await move(ann, workspace, 'git')).status).toBe(422);
  }, 60_000);
});

test.skipIf(endpoint === undefined)(
  'a move goes on within 30 s after kill -9 of the server, and nothing is lost',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kyozo-moves-'));
    const dataDir = join(folder, 'data');
    const port = await freePort();
    const s3 = env(newBucket(), endpoint!);
    let server = await Server.start(dataDir, port, { ...s3, STORAGE_GRACE: '0' });
    try {
      const owner = await register(server.url);
      const workspace = await owner.workspace();
      const person = await owner.key('write');
      const files = await fill(person, workspace, 80);
      const { body } = await move(owner, workspace, 's3');
      await expect
        .poll(async () => (await stateOf(person, body.data.id)).done, {
          timeout: 30_000,
          interval: 20,
        })
        .toBeGreaterThan(5);
      await server.kill('server');
      server = await Server.start(dataDir, port, { ...s3, STORAGE_GRACE: '0' });
      expect((await stateOf(person, body.data.id)).status).toBe('running');
      const done = (await stateOf(person, body.data.id)).done as number;
      expect(done).toBeLessThan(80);
      for (const [id, bytes] of files)
        expect((await bytesOf(person, id)).bytes.equals(bytes)).toBe(true);
      await expect
        .poll(async () => (await stateOf(person, body.data.id)).done, {
          timeout: 30_000,
          interval: 100,
        })
        .toBeGreaterThan(done);
      await expect
        .poll(async () => (await stateOf(person, body.data.id)).status, { timeout: 60_000 })
        .toBe('succeeded');
      expect(await backendsOf(person, files.keys())).toEqual(new Set(['s3']));
      for (const [id, bytes] of files)
        expect((await bytesOf(person, id)).bytes.equals(bytes)).toBe(true);
    } finally {
      await server.stop();
      await removeData(folder);
    }
  },
  240_000,
);
