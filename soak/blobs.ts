import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { accessKeyId, Ceph, hasCeph, secretAccessKey } from '../scripts/ceph.ts';
import type { JobName } from '../server/src/jobs/queue.ts';
import { openDisk } from '../server/src/storage/disk.ts';
import { S3Store } from '../server/src/storage/s3.ts';
import { randomOf } from '../server/test/collaboration/random.ts';
import { type Person, type RecordObject, register } from '../server/test/support/api.ts';
import { removeData } from '../server/test/support/remove-data.ts';
import { Owner } from './owner.ts';
import { freePort, Server } from './server.ts';

type Options = {
  seed: number;
  runs: number;
  /** The settings of a Ceph that runs; one is started when undefined. */
  cephConf?: string | undefined;
  say?: (line: string) => void;
};
type Written = { id: string; sha256: string; backend: string };

/** Reading everything after each kill took most of the time of a long run: then and at the end is enough. */
const ALL_EVERY = 20;
const SOME = 40;

/**
 * Kills the server, the S3 server or both at a moment that the seed chooses, while programs write files
 * that lie outside git; then every acknowledged one must be there with its hash. In the end content comes
 * home and is collected with no grace, and nothing is left but what files name.
 * Without Ceph only the server dies, and everything lies on disk.
 * @throws AssertionError that says what was lost
 */
export async function blobs({ seed, runs, cephConf, say = console.log }: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-blobs-'));
  const dataDir = join(folder, 'data');
  const ceph = await startCeph(folder, cephConf, say);
  const gateway = ceph && (await Ceph.attach(ceph.conf));
  const settings: Record<string, string> = gateway
    ? {
        STORAGE_GRACE: '0',
        S3_ENDPOINT: gateway.endpoint,
        S3_BUCKET: `soak-${seed}-${Date.now()}`,
        S3_ACCESS_KEY_ID: accessKeyId,
        S3_SECRET_ACCESS_KEY: secretAccessKey,
        S3_FORCE_PATH_STYLE: 'true',
      }
    : { STORAGE_GRACE: '0' };
  const port = await freePort();
  let server: Server | undefined;
  try {
    server = await Server.start(dataDir, port, settings);
    const owner = await register(server.url);
    const workspace = await owner.workspace('Soak');
    // With no grace a store may lose against a collection; then it is refused.
    const person = await owner.key('write');
    const written: Written[] = [];
    for (let run = 1; run <= runs; run++) {
      const random = randomOf(seed * 1_000 + run);
      const choice = random();
      const victims = !gateway || choice < 0.4 ? 'server' : choice < 0.7 ? 's3' : 'both';
      const before = written.length;
      let over = false;
      const writers = [1, 2, 3].map((lane) =>
        write(
          { person, workspace, written, name: `${run}-${lane}` },
          randomOf(random() * 2 ** 31),
          () => over,
        ),
      );
      await pause(200 + random() * 1_200);
      const dying = [
        ...(victims === 's3' ? [] : [server.kill('server')]),
        ...(victims === 'server' ? [] : [gateway!.killGateway()]),
      ];
      await Promise.all(dying);
      // With the server alive the writers go on for a while: the disk stands in.
      if (victims === 's3') await pause(500);
      over = true;
      await Promise.all(writers);
      if (victims !== 'server') await gateway!.startGateway();
      if (victims === 's3') await server.kill('server');
      server = await Server.start(dataDir, port, settings);
      const due = run % ALL_EVERY === 0 ? written : recentAndSome(written, before, random);
      for (const file of due) await verify(person, file);
      // Kills meet it at work.
      if (random() < 0.5) await addJobs(dataDir, 'bring-storage-home', 'cleanup-storage');
      say(
        `run ${run}: killed ${victims}; of ${describe(written)} ${due.length} looked at, all there`,
      );
    }
    for (const file of written) await verify(person, file);
    await leaveNothing({ dataDir, settings, server, person, written, say });
  } finally {
    await server?.stop();
    await gateway?.stop();
    if (cephConf === undefined) await ceph?.stop();
    await removeData(folder);
  }
}

type End = {
  dataDir: string;
  settings: Record<string, string>;
  server: Server;
  person: Person;
  written: readonly Written[];
  say: (line: string) => void;
};

/** Takes half of the files away, brings the rest home and collects. @throws AssertionError for what is left or lost */
async function leaveNothing(end: End): Promise<void> {
  const { dataDir, settings, person, written, say } = end;
  const owner = await Owner.open(dataDir);
  try {
    const gone = written.filter((_, at) => at % 2 === 0);
    await owner.rows('delete from files where id = any($1)', [gone.map(({ id }) => id)]);
    await person.fetch('/health/ready');
    await owner.run('bring-storage-home');
    // Twice, for another that is at work holds what it looks at, and the first leaves that alone.
    await owner.run('cleanup-storage');
    await owner.run('cleanup-storage');
    const away = await owner.rows('select id from file_versions where home_backend is not null');
    assert.deepEqual(away, [], 'content has not come home');
    const rows = await owner.rows<{ name: string; backend: string }>(
      `select distinct team_id || ' ' || sha256 as name, storage_backend as backend
        from file_versions where storage_backend <> 'git'`,
    );
    const lieIn = (...backends: string[]) =>
      new Set(rows.filter((row) => backends.includes(row.backend)).map(({ name }) => name));
    const far = settings.S3_ENDPOINT !== undefined;
    const disk = await onDisk(dataDir);
    assert.deepEqual(disk, far ? lieIn('disk', 'hybrid') : lieIn('disk', 'hybrid', 's3'));
    const s3 = far ? await inBucket(settings, rows) : new Set();
    if (far) assert.deepEqual(s3, lieIn('s3', 'hybrid'));
    for (const file of written) if (!gone.includes(file)) await verify(person, file);
    say(`collected: ${disk.size} on disk and ${s3.size} in S3, as many as files name`);
  } finally {
    await owner.close();
  }
}

async function addJobs(dataDir: string, ...names: JobName[]): Promise<void> {
  const owner = await Owner.open(dataDir);
  for (const name of names) await owner.add(name);
  await owner.close();
}

async function onDisk(dataDir: string): Promise<Set<string>> {
  const found = new Set<string>();
  const store = await openDisk(join(dataDir, 'blobs'));
  for (const team of await readdir(join(dataDir, 'blobs')))
    if (team !== 'tmp') for await (const { name } of store.list(team)) found.add(`${team} ${name}`);
  return found;
}

async function inBucket(
  settings: Record<string, string>,
  rows: readonly { name: string }[],
): Promise<Set<string>> {
  const store = new S3Store({
    ...{ endpoint: settings.S3_ENDPOINT!, bucket: settings.S3_BUCKET!, region: 'us-east-1' },
    ...{ accessKeyId, secretAccessKey, forcePathStyle: true },
  });
  const found = new Set<string>();
  for (const team of new Set(rows.map(({ name }) => name.split(' ')[0]!)))
    for await (const { name } of store.list(team)) found.add(`${team} ${name}`);
  store.close();
  return found;
}

async function startCeph(
  folder: string,
  conf: string | undefined,
  say: (line: string) => void,
): Promise<{ conf: string; stop(): Promise<void> } | undefined> {
  if (conf !== undefined) return { conf, stop: async () => undefined };
  if (hasCeph()) return Ceph.start(await mkdtemp(join(folder, 'ceph-')));
  say('NOT TESTED: S3, because Ceph is not installed; only the server is killed.');
  return undefined;
}

type Lane = { person: Person; workspace: RecordObject; written: Written[]; name: string };

/** Writes until it is over or the server is gone; notes what was acknowledged, and nothing else. */
async function write(
  { person, workspace, written, name }: Lane,
  random: () => number,
  over: () => boolean,
): Promise<void> {
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  for (let at = 0; !over(); at++) {
    // Over 5 MB an image goes to S3; other binary content to both.
    const large = random() < 0.2;
    const size = large
      ? 5 * 2 ** 20 + 1 + Math.floor(random() * 2 ** 20)
      : 20 + Math.floor(random() * 2e5);
    const bytes = noise(size, random);
    Buffer.from(large ? '89504e470d0a1a0a0000000d49484452' : '00ff', 'hex').copy(bytes);
    // Where a reader looks for the next chunks of a picture.
    if (large) bytes.fill(7, 16, 4_096);
    const path = `${name}-${at}.${large ? 'png' : 'bin'}`;
    const attributes = { path, content: bytes.toString('base64'), encoding: 'base64' };
    const answer = await person
      .post('/files', 'files', attributes, relationships)
      .catch(() => undefined);
    if (!answer) return;
    if (answer.status !== 201) {
      assert.ok([503, 507].includes(answer.status), `${path} was answered with ${answer.status}`);
      continue;
    }
    const { id, attributes: made } = answer.body.data;
    written.push({ id, sha256: sha256(bytes), backend: made.storageBackend as string });
  }
}

async function verify(person: Person, { id, sha256: expected, backend }: Written): Promise<void> {
  const answer = await person.fetch(`/files/${id}/content`);
  assert.equal(answer.status, 200, `a file in ${backend} was answered with ${answer.status}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(sha256(bytes), expected, `a file in ${backend} has other bytes`);
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function noise(size: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return bytes;
}

/** What this run wrote, and others by chance, which what runs in the background may have moved. */
function recentAndSome(written: readonly Written[], before: number, random: () => number) {
  const some = Array.from({ length: SOME }, () => written[Math.floor(random() * before)]);
  return [...new Set([...some.filter((file) => file !== undefined), ...written.slice(before)])];
}

function describe(written: readonly Written[]): string {
  const counts = Map.groupBy(written, ({ backend }) => backend);
  return [...counts].map(([backend, files]) => `${files.length} in ${backend}`).join(', ');
}
