import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { zip } from '../archives/zips.ts';
import { type Served, serveIn } from '../start/process.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { cloneDatabase } from '../support/server.ts';

const size = 3 * 2 ** 20;
let folder: string;
let environment: { DATABASE_URL: string; SECRET_KEY: string };
let served: Served;
let ann: Person;
let workspace: RecordObject;
/** Looks at the rows from beside the server: to ask it would stop who is sending. */
let database: pg.Client;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-broken-'));
  environment = { DATABASE_URL: await cloneDatabase(), SECRET_KEY: 's'.repeat(32) };
  served = await serveIn(folder, environment);
  database = new pg.Client({ connectionString: environment.DATABASE_URL });
  await database.connect();
  ann = await register(served.url);
  workspace = await ann.workspace();
});
afterEach(async () => {
  await served.stop();
  await database.end();
  await rm(folder, { recursive: true, force: true });
});

const type = 'application/offset+octet-stream';
const send = (url: string, method: string, headers: Record<string, string>, raw?: Uint8Array) =>
  ann.fetch(url, { method, raw, headers: { 'tus-resumable': '1.0.0', ...headers } });
const patch = (url: string, offset: number, raw: Uint8Array) =>
  send(url, 'PATCH', { 'content-type': type, 'upload-offset': String(offset) }, raw);
const offsetOf = async (url: string) =>
  Number((await send(url, 'HEAD', {})).headers.get('upload-offset'));

async function begin(length: number, path: string, purpose = 'file'): Promise<string> {
  const values = { workspaceId: workspace.id, path, purpose };
  const pairs = Object.entries(values).map(([name, value]) => `${name} ${btoa(value)}`);
  const headers = { 'upload-length': String(length), 'upload-metadata': pairs.join(',') };
  return (await send('/uploads', 'POST', headers)).headers.get('location')!;
}

const rowOf = async (url: string) => {
  const id = url.split('/').at(-1);
  const text = 'select received::float8, result from uploads where id = $1';
  return (await database.query<{ received: number }>(text, [id])).rows[0]!;
};

/** Sends the start of a piece and closes the connection. */
async function breakOff(url: string, offset: number, length: number, raw: Uint8Array) {
  const { hostname, port } = new URL(served.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const head = [
    `PATCH ${url} HTTP/1.1`,
    ...['host: x', `authorization: Bearer ${ann.token}`, 'tus-resumable: 1.0.0'],
    ...[`content-type: ${type}`, `upload-offset: ${offset}`, `content-length: ${length}`],
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await new Promise((resolve) => socket.write(raw, resolve));
  socket.destroy();
}

test.each([
  ['in one request', 0],
  ['behind a piece', 100_000],
])(
  'of a connection that closes all that came is kept, and nobody is to blame: %s',
  async (_what, before) => {
    const bytes = randomBytes(size);
    for (const came of [1, 70_000, 700_000, 1_300_000]) {
      const url = await begin(size, `${came}.bin`);
      if (before > 0) await patch(url, 0, bytes.subarray(0, before));
      await breakOff(url, before, size - before, bytes.subarray(before, before + came));
      await expect
        .poll(async () => (await rowOf(url)).received, { timeout: 10_000 })
        .not.toBe(before);
      const offset = await offsetOf(url);
      expect(offset).toBe(before + came);
      const done = await patch(url, offset, bytes.subarray(offset));
      expect(done.headers.get('upload-offset')).toBe(String(size));
      const content = await ann.fetch(`${done.headers.get('upload-result')!}/content`);
      expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
    }
    expect((await served.stop()).stderr).not.toMatch(/"level":[56]0/);
  },
);

test('an import whose server is killed before it is answered begins once', async () => {
  const archive = zip([{ name: 'a.txt', content: 'x' }]);
  const whole = await begin(archive.length, 'whole.zip', 'import');
  const pieces = await begin(archive.length, 'pieces.zip', 'import');
  await patch(pieces, 0, archive.subarray(0, 20));
  const transfers = async () =>
    (
      await database.query('select id from transfers where workspace_id = $1 order by id', [
        workspace.id,
      ])
    ).rows;

  // The transfer stands, and the row of its upload cannot be written yet.
  const holder = new pg.Client({ connectionString: environment.DATABASE_URL });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from uploads for update');
  const cut = [patch(whole, 0, archive), patch(pieces, 20, archive.subarray(20))];
  const failed = Promise.allSettled(cut);
  await expect.poll(async () => (await transfers()).length, { timeout: 10_000 }).toBe(2);
  await served.stop('SIGKILL');
  await failed;
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database()`,
  );
  await holder.query('rollback');
  await holder.end();
  const before = await transfers();

  served = await serveIn(folder, environment);
  ann = new Person(served.url, ann.token);
  for (const url of [whole, pieces]) {
    const offset = await offsetOf(url);
    expect(offset).toBeLessThan(archive.length);
    const answer = await patch(url, offset, archive.subarray(offset));
    expect(answer.status).toBe(204);
    expect(answer.headers.get('upload-offset')).toBe(String(archive.length));
    const ended = async () =>
      (await ann.get(answer.headers.get('upload-result')!)).body.data.attributes.status;
    await expect.poll(ended, { timeout: 60_000 }).toBe('succeeded');
  }
  expect(await transfers()).toEqual(before);
}, 120_000);
