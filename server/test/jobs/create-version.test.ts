import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as Y from 'yjs';
import { changeTo, seed } from '../../src/collaboration/document-text.ts';
import { Database } from '../../src/database/database.ts';
import { prepareRoles } from '../../src/database/migrate.ts';
import { startSpawner } from '../../src/spawn/spawner.ts';
import { repositoryFolder } from '../../src/storage/git/layout.ts';
import { repackAll } from '../../src/storage-jobs/repack.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { runJob } from '../support/jobs.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

/** Lays what a crash leaves: an edit that is durable in the log and in no version. */
async function leave(file: RecordObject, text: string, edited: string, ago: string) {
  const document = new Y.Doc();
  seed(document, file.attributes.path as string, text);
  const snapshot = Y.encodeStateAsUpdate(document);
  const { update } = changeTo(snapshot, file.attributes.path as string, edited);
  await server.query(
    `insert into document_states (file_id, team_id, snapshot, base_version)
      select id, team_id, $2, 1 from files where id = $1`,
    [file.id, Buffer.from(snapshot)],
  );
  await server.query(
    `insert into document_updates (file_id, team_id, seq, update, user_id, inserted_at)
      select id, team_id, 1, $2, $3, now() - $4::interval from files where id = $1`,
    [file.id, Buffer.from(update), ann.id, ago],
  );
}
const textOf = async ({ id }: RecordObject) => (await ann.fetch(`/files/${id}/content`)).text();

test('edits that a crash has left become a version with their author, and fresh ones are let be', async () => {
  const workspace = await ann.workspace();
  const [left, fresh] = [
    await ann.file(workspace, 'left.md', 'Before\n'),
    await ann.file(workspace, 'fresh.md', 'Before\n'),
  ];
  await leave(left, 'Before\n', 'Before and after\n', '5 minutes');
  await leave(fresh, 'Before\n', 'Before and after\n', '10 seconds');
  await runJob(server, 'create-version', null);
  expect(await textOf(left)).toBe('Before and after\n');
  expect(await textOf(fresh)).toBe('Before\n');
  const versions = await ann.get<RecordObject[]>(`/files/${left.id}/versions?sort=-version`);
  expect(versions.body.data.map(({ attributes }) => attributes.version)).toEqual([2, 1]);
  expect(versions.body.data[0]!.attributes.authors).toMatchObject([{ email: ann.email }]);
  // A second time there is nothing to do.
  await runJob(server, 'create-version', null);
  expect((await ann.get(`/files/${left.id}`)).body.data.attributes.version).toBe(2);
});

test('a repository is packed, and everything in it is there', async () => {
  const workspace = await ann.workspace();
  const files = new Map<string, RecordObject>();
  for (let at = 0; at < 20; at++)
    files.set(`text ${at}\n`, await ann.file(workspace, `${at}.md`, `text ${at}\n`));
  const url = (await prepareRoles(server.databaseUrl, server.config.secretKey)).server;
  const database = new Database({ connectionString: url }, { lanes: 1, pool: 1 });
  const spawner = await startSpawner();
  const git = { folder: (id: string) => repositoryFolder(join(server.dataDir, 'git'), id) };
  const { signal } = new AbortController();
  const run = (...args: string[]) =>
    String(execFileSync('git', ['-C', git.folder(workspace.id), ...args])).trim();
  const head = async () => {
    const text = 'select head_commit from workspaces where id = $1';
    const [row] = await server.query<{ head_commit: string }>(text, [workspace.id]);
    return row!.head_commit;
  };
  // The ref on disk follows the database.
  await expect.poll(() => run('rev-parse', 'main')).toBe(await head());
  try {
    expect(await repackAll({ database, git, spawner }, signal)).toBe(0);
    expect(await repackAll({ database, git, spawner }, signal, -1)).toBeGreaterThan(0);
  } finally {
    await spawner.close();
    await database.close();
  }
  const folder = git.folder(workspace.id);
  const packs = await readdir(join(folder, 'objects/pack'));
  expect(packs.filter((name) => name.endsWith('.pack'))).toHaveLength(1);
  expect(run('count-objects')).toMatch(/^0 objects/);
  run('fsck', '--full', '--strict');
  for (const [text, file] of files) expect(await textOf(file)).toBe(text);
  // Writing goes on: on top of packed trees, and the same content again.
  await ann.file(workspace, 'later.md', 'text 3\n');
  expect(run('rev-list', '--count', await head())).toBe('21');
});
