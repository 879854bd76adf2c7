import { createHash } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf } from '../collaboration/random.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { runJob } from '../support/jobs.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let hasty: TestServer;

beforeAll(async () => {
  server = await startServer();
  hasty = await startServer({ storageGrace: 0 });
});
afterAll(async () => {
  await server.stop();
  await hasty.stop();
});

const teamOf = async ({ query }: TestServer, workspace: RecordObject) =>
  (
    await query<{ team_id: string }>('select team_id from workspaces where id = $1', [workspace.id])
  )[0]!.team_id;
const folderOf = ({ dataDir }: TestServer, team: string) => join(dataDir, 'blobs', team);
/** What lies on disk of a team, by address. */
async function lying(of: TestServer, team: string): Promise<string[]> {
  const folder = folderOf(of, team);
  const starts = await readdir(folder).catch(() => []);
  const all = starts.map(async (start) =>
    (await readdir(join(folder, start))).map((rest) => start + rest),
  );
  return (await Promise.all(all)).flat().sort();
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** Bytes that are no text and no known format, so that they lie outside git. */
const binary = (text: string) => Buffer.concat([Buffer.of(0, 255), Buffer.from(text)]);
const put = (person: Person, file: RecordObject, raw: Buffer) =>
  person.request(`/files/${file.id}/content`, { method: 'PUT', raw });
const bytesOf = async (person: Person, id: string) =>
  Buffer.from(await (await person.fetch(`/files/${id}/content`)).arrayBuffer());

test('content that nothing names goes a day after its last store, and no other', async () => {
  const ann = await register(server.url);
  const workspace = await ann.workspace();
  const team = await teamOf(server, workspace);
  const [kept, gone, young, again] = ['kept', 'gone', 'young', 'again'].map(binary);
  const files = [];
  for (const bytes of [kept!, gone!, young!, again!]) {
    const file = await ann.file(workspace, `${files.length}.bin`);
    await put(ann, file, bytes);
    files.push(file);
  }
  for (const file of files.slice(1)) {
    await ann.delete(`/files/${file.id}`);
    await ann.post(`/files/${file.id}/purge`, 'files');
  }
  const age = async (bytes: Buffer, hours: number) => {
    const at = new Date(Date.now() - hours * 3_600_000);
    const name = sha256(bytes);
    await utimes(join(folderOf(server, team), name.slice(0, 2), name.slice(2)), at, at);
  };
  await age(kept!, 100);
  await age(gone!, 25);
  await age(young!, 23);
  await age(again!, 100);
  // Sent again, and by now in the trash of nobody: its time is that of the second store.
  const second = await ann.file(workspace, 'second.bin');
  await put(ann, second, again!);
  await ann.delete(`/files/${second.id}`);
  await ann.post(`/files/${second.id}/purge`, 'files');

  await runJob(server, 'cleanup-storage', null);
  expect(await lying(server, team)).toEqual([kept!, young!, again!].map(sha256).sort());
  expect(await bytesOf(ann, files[0]!.id)).toEqual(kept);
});

test('what has been in the trash for a month is purged with its event, and can then be collected', async () => {
  const ann = await register(hasty.url);
  const workspace = await ann.workspace();
  const team = await teamOf(hasty, workspace);
  const [old, recent, text] = [
    await ann.file(workspace, 'old.bin'),
    await ann.file(workspace, 'recent.bin'),
    await ann.file(workspace, 'text.md', 'in git\n'),
  ];
  await put(ann, old, binary('old'));
  await put(ann, recent, binary('recent'));
  for (const { id } of [old, recent, text]) await ann.delete(`/files/${id}`);
  const back = (id: string, days: number) =>
    hasty.query("update files set deleted_at = now() - $2 * interval '1 day' where id = $1", [
      id,
      days,
    ]);
  await back(old.id, 31);
  await back(text.id, 31);
  await back(recent.id, 29);

  await runJob(hasty, 'cleanup-storage', null);
  expect(await lying(hasty, team)).toEqual([sha256(binary('recent'))]);
  expect((await ann.get(`/files/${old.id}`)).status).toBe(404);
  expect((await ann.get(`/files/${text.id}`)).status).toBe(404);
  expect((await ann.get(`/files/${recent.id}`)).status).toBe(200);
  const events = await ann.get<RecordObject[]>('/events?filter[name]=file.purged');
  expect(events.body.data.map(({ attributes }) => attributes.recordId).sort()).toEqual(
    [old.id, text.id].sort(),
  );
});

test('with writers at the same time nothing that is named goes, and in the end nothing else is left', async () => {
  const ann = await register(hasty.url);
  const workspace = await ann.workspace();
  const team = await teamOf(hasty, workspace);
  const person = await ann.key('write');
  let writing = true;
  const answers = new Map<number, number>();
  /** Few contents in many files: the same one is dropped here while it is stored there. */
  const writer = async (lane: number) => {
    const random = randomOf(4_711 + lane);
    const expected = new Map<string, Buffer>();
    for (let at = 0; at < 60; at++) {
      const file = await person.file(workspace, `${lane}-${at}.bin`);
      const bytes = binary(`content ${Math.floor(random() * 5)}`);
      const { status } = await put(person, file, bytes);
      answers.set(status, (answers.get(status) ?? 0) + 1);
      if (status === 200) expected.set(file.id, bytes);
      if (random() < 0.7) {
        await ann.delete(`/files/${file.id}`);
        await ann.post(`/files/${file.id}/purge`, 'files');
        expected.delete(file.id);
      }
    }
    return expected;
  };
  const sweeping = (async () => {
    let sweeps = 0;
    for (; writing; sweeps++) await runJob(hasty, 'cleanup-storage', { teamId: team });
    return sweeps;
  })();
  const all = await Promise.all([1, 2, 3].map(writer)).finally(() => {
    writing = false;
  });
  expect(await sweeping).toBeGreaterThan(3);
  // A store that lost against a collection was refused, never acknowledged.
  expect([...answers.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(answers.get(200)).toBeGreaterThan(100);
  for (const expected of all)
    for (const [id, bytes] of expected) expect(await bytesOf(ann, id)).toEqual(bytes);

  await runJob(hasty, 'cleanup-storage', { teamId: team });
  const named = await hasty.query<{ sha256: string }>(
    "select distinct sha256 from file_versions where team_id = $1 and storage_backend <> 'git'",
    [team],
  );
  expect(await lying(hasty, team)).toEqual(named.map((row) => row.sha256).sort());
}, 120_000);
