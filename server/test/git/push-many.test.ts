import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, git, must, temporary } from './repository.ts';

const FILES = 1_500;
let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

test('a push of thousands of files lands while others write in the workspace', {
  timeout: 180_000,
}, async () => {
  const workspace = await ann.workspace();
  await ann.file(workspace, 'first.md', 'first\n');
  const { folder, remove } = await temporary();
  await must(folder, 'clone', '-q', await addressOf(ann, workspace), 'mine');
  const mine = join(folder, 'mine');
  const sums = new Map<string, string>();
  // Many first folders, and a folder of many: each was a lock of its own, and each read all before it.
  for (let at = 0; at < FILES; at++) {
    const path = at % 2 === 0 ? `${at}` : `folder/${at % 10}`;
    await mkdir(join(mine, path), { recursive: true });
    // Some have the same content, which git has once.
    const content = at % 7 === 0 ? 'the same\n' : `# File ${at}\n`;
    await writeFile(join(mine, path, `${at}.md`), content);
    sums.set(`${path}/${at}.md`, createHash('sha256').update(content).digest('hex'));
  }
  await must(mine, 'add', '-A');
  await must(mine, 'commit', '-q', '-m', 'Many');
  let isPushing = true;
  const pushing = git(mine, 'push', '-q', 'origin', 'HEAD:main').finally(() => {
    isPushing = false;
  });
  // Git asks where `main` is before it sends anything, and sends nothing when that is elsewhere.
  const arriving = join(server.dataDir, 'git', 'tmp');
  while (isPushing && (await readdir(arriving)).length === 0) await pause(5);
  const answers: Answer[] = [];
  for (let at = 0; isPushing; at++) {
    answers.push(await writeOne(workspace, at));
    // Made empty, a file takes no turn behind the push but that of its path.
    answers.push(await writeEmpty(workspace, at));
  }
  const pushed = await pushing;
  expect(pushed.ok, pushed.said).toBe(true);
  expect(answers.length).toBeGreaterThan(1);
  for (const answer of answers) expectDoneOrLater(answer);
  const made = answers.filter(({ status }) => status === 201).length;
  const [counted] = await server.query<{ files: number; versions: number; events: number }>(
    `select (select count(*)::int from files where workspace_id = $1) as files,
      (select count(*)::int from file_versions v join files f on f.id = v.file_id
        where f.workspace_id = $1 and f.path like '%/%') as versions,
      (select count(*)::int from events where name = 'file.created' and state->>'workspace_id' = $1::text) as events`,
    [workspace.id],
  );
  expect(counted).toEqual({ files: 1 + FILES + made, versions: FILES, events: 1 + FILES + made });
  const stored = await server.query<{ path: string; sha256: string }>(
    `select path, sha256 from files where workspace_id = $1 and path like '%/%'`,
    [workspace.id],
  );
  expect(new Map(stored.map(({ path, sha256 }) => [path, sha256]))).toEqual(sums);
  await remove();
});

test('who waits too long for another’s change is told to come back', {
  timeout: 60_000,
}, async () => {
  const workspace = await ann.workspace();
  const other = await ann.workspace();
  const holder = new pg.Client({ connectionString: server.databaseUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from workspaces where id = any ($1) for update', [
    [workspace.id, other.id],
  ]);
  const answers = await Promise.all([writeOne(workspace, 1), writeEmpty(other, 2)]);
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expectDoneOrLater(answer);
    expect(answer.body.errors[0]!.detail).toBe('Somebody else is changing this; try again.');
  }
  await holder.query('rollback');
  await holder.end();
  expect((await writeOne(workspace, 1)).status).toBe(201);
});

function expectDoneOrLater({ status, headers }: Answer): void {
  expect([201, 503]).toContain(status);
  if (status === 503) expect(headers.get('retry-after')).toBe('2');
}

const writeOne = (workspace: RecordObject, at: number) => write(workspace, `w${at}.txt`, 'text');
const writeEmpty = (workspace: RecordObject, at: number) => write(workspace, `e${at}.txt`);

function write(workspace: RecordObject, path: string, content?: string): Promise<Answer> {
  const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  return ann.post('/files', 'files', { path, content }, relationships);
}
