import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { runJob } from '../support/jobs.ts';
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

const binary = (text: string) => Buffer.concat([Buffer.of(0, 255), Buffer.from(text)]);
async function file(name: string): Promise<string> {
  const { id } = await ann.file(workspace, name);
  await ann.request(`/files/${id}/content`, { method: 'PUT', raw: binary(name) });
  return id;
}
async function placeOf(name: string): Promise<string> {
  const folder = join(server.dataDir, 'blobs');
  const address = createHash('sha256').update(binary(name)).digest('hex');
  const teams = await readdir(folder);
  const team = teams.find((each) => each.length === 36)!;
  return join(folder, team, address.slice(0, 2), address.slice(2));
}
type Health = { status: string; checks: Record<string, { status: string; output?: string }[]> };
const contents = async () => {
  const { checks } = (await (await ann.fetch('/health')).json()) as Health;
  return checks['storage:contents']![0];
};
const found = () =>
  server.query('select checked, damaged, missing, unreachable, versions from storage_health');

test('what is damaged or gone is found, shown, and told to who runs the team', async () => {
  await ann.file(workspace, 'note.md', 'in git\n');
  const [, damaged, gone] = [await file('whole'), await file('damaged'), await file('gone')];
  await runJob(server, 'storage-health', null);
  expect(await found()).toEqual([
    { checked: 4, damaged: 0, missing: 0, unreachable: 0, versions: [] },
  ]);
  expect(await contents()).toMatchObject({ status: 'pass' });

  const bytes = await readFile(await placeOf('damaged'));
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(await placeOf('damaged'), bytes);
  await rm(await placeOf('gone'));
  await runJob(server, 'storage-health', null);
  const versions = await server.query<{ id: string }>(
    'select id from file_versions where file_id = any($1)',
    [[damaged, gone]],
  );
  const [seen] = (await found()) as { versions: string[] }[];
  expect(seen).toMatchObject({ checked: 4, damaged: 1, missing: 1, unreachable: 0 });
  expect(seen!.versions.sort()).toEqual(versions.map(({ id }) => id).sort());
  expect(await contents()).toMatchObject({
    status: 'warn',
    output: '1 contents are damaged, 1 are missing.',
  });
  const { body } = await ann.get<RecordObject[]>('/notifications');
  expect(body.data.map(({ attributes }) => attributes)).toMatchObject([
    { kind: 'storage.damaged', data: { damaged: 1, missing: 1 } },
  ]);
});
