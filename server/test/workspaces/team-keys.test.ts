import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AuthDatabase } from '../../src/accounts/auth-database.ts';
import { Database } from '../../src/database/database.ts';
import { prepareRoles } from '../../src/database/migrate.ts';
import { StorageDamaged } from '../../src/storage/errors.ts';
import { openStorages } from '../../src/storage/storages.ts';
import { rotateTeamKeys, StoredTeamKeys } from '../../src/workspaces/team-keys.ts';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

const [old, next] = ['o'.repeat(32), 'n'.repeat(32)];
let server: TestServer;
let database: Database;
let ann: Person;
let teamId: string;

beforeAll(async () => {
  server = await startServer();
  const { server: connectionString } = await prepareRoles(
    server.databaseUrl,
    server.config.secretKey,
  );
  database = new Database({ connectionString }, { lanes: 1, pool: 2 });
  ann = await register(server.url);
  teamId = (await ann.get<{ id: string }[]>('/teams')).body.data[0]!.id;
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

const rows = () =>
  server.query<{ generation: number; wrapped: Buffer }>(
    'select generation, wrapped from team_keys where team_id = $1 order by generation',
    [teamId],
  );

test('a team gets one key, however many ask for the first', async () => {
  const nodes = Array.from({ length: 8 }, () => new StoredTeamKeys(database, [old]));
  const keys = await Promise.all(nodes.map((keys) => keys.current(teamId)));
  expect(new Set(keys.map(({ key }) => Buffer.from(key).toString('hex'))).size).toBe(1);
  expect(keys[0]!.key.length).toBe(32);
  expect(await rows()).toHaveLength(1);
});

test('rotation wraps anew and makes a generation; old content stays, the old master key opens nothing', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-keys-'));
  const scope = { teamId, workspaceId: teamId };
  const openWith = (masters: [string, ...string[]]) =>
    openStorages({ dataDir, keys: new StoredTeamKeys(database, masters) });
  let storages = await openWith([old]);
  const before = await storages.put('disk', scope, Buffer.from('before'));
  await storages.close();
  const [wrapped] = await rows();

  const owner = new AuthDatabase(server.databaseUrl);
  await owner.transaction((queries) => rotateTeamKeys(queries, [next, old]));
  await owner.close();
  const all = await rows();
  expect(all.map(({ generation }) => generation)).toEqual([1, 2]);
  expect(all[0]!.wrapped.equals(wrapped!.wrapped)).toBe(false);

  storages = await openWith([next]);
  const after = await storages.put('disk', scope, Buffer.from('after'));
  const read = async (address: string) =>
    String(await buffer(await storages.for('disk').get(scope, address)));
  expect(await read(before.address)).toBe('before');
  expect(await read(after.address)).toBe('after');
  await storages.close();
  storages = await openWith([old]);
  await expect(read(before.address)).rejects.toBeInstanceOf(StorageDamaged);
  await storages.close();
  await rm(dataDir, { recursive: true });
});

test('with a wrong master key the rotation changes nothing', async () => {
  const before = await rows();
  const owner = new AuthDatabase(server.databaseUrl);
  const rotation = owner.transaction((queries) => rotateTeamKeys(queries, ['w'.repeat(32)]));
  await expect(rotation).rejects.toBeInstanceOf(StorageDamaged);
  await owner.close();
  expect(await rows()).toEqual(before);
});

test('a key moved to another row does not open', async () => {
  await server.query('update team_keys set generation = generation + 10 where team_id = $1', [
    teamId,
  ]);
  await expect(new StoredTeamKeys(database, [next]).current(teamId)).rejects.toBeInstanceOf(
    StorageDamaged,
  );
  await server.query('delete from team_keys where team_id = $1', [teamId]);
});

test('a file over the API lies encrypted, and comes back whole and in part', async () => {
  const workspace = await ann.workspace();
  const text = 'a sentence to look for. '.repeat(60_000);
  const file = await ann.file(workspace, 'large.txt', text);
  expect(file.attributes.storageBackend).toBe('hybrid');
  const blobs = join(server.dataDir, 'blobs', teamId);
  expect((await readdir(blobs)).length).toBe(1);
  expect(await (await ann.fetch(`/files/${file.id}/content`)).text()).toBe(text);
  const part = await ann.fetch(`/files/${file.id}/content`, {
    headers: { range: 'bytes=1200000-1200023' },
  });
  expect(await part.text()).toBe(text.slice(1_200_000, 1_200_024));
  expect(await rows()).toHaveLength(1);
});
