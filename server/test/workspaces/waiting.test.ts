import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let bob: Person;
let workspace: RecordObject;
/** Holds the workspace's row, as a push does that is large. */
let holder: pg.Client;
beforeAll(async () => {
  server = await startServer();
  [ann, bob] = await Promise.all([register(server.url), register(server.url)]);
});
afterAll(() => server.stop());
beforeEach(async () => {
  workspace = await ann.workspace();
  holder = new pg.Client({ connectionString: server.databaseUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from workspaces where id = $1 for update', [workspace.id]);
});
afterEach(() => holder.end());

const write = (person: Person, { id }: RecordObject, path: string) =>
  person.post(
    '/files',
    'files',
    { path, content: path },
    {
      workspace: { data: { type: 'workspaces', id } },
    },
  );
const waiting = async () =>
  (
    await server.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    )
  ).length;

test('thirty who wait for one workspace hold up nobody in another team, and all are served', async () => {
  const place = await bob.workspace();
  let settled = 0;
  const thirty = Array.from({ length: 30 }, async (_, at) => {
    const { status } = await write(ann, workspace, `${at}.md`);
    settled += 1;
    return status;
  });
  await expect.poll(waiting).toBe(1);
  for (let at = 0; at < 10; at++) expect((await write(bob, place, `${at}.md`)).status).toBe(201);
  expect([settled, await waiting()]).toEqual([0, 1]);
  await holder.query('rollback');
  expect(await Promise.all(thirty)).toEqual(thirty.map(() => 201));
});

test('who waits too long, in line or for the row, is told to come back', async () => {
  const asked = await Promise.all(
    Array.from({ length: 6 }, async (_, at) => {
      const { status, headers } = await write(ann, workspace, `${at}.md`);
      return [status, headers.get('retry-after')];
    }),
  );
  expect(asked).toEqual(asked.map(() => [503, '2']));
  await holder.query('rollback');
  expect((await write(ann, workspace, 'now.md')).status).toBe(201);
}, 60_000);

test('A4 texts that are slow to read hold up nobody: no transaction waits for them', async () => {
  await holder.query('rollback');
  const text = `\`\`\`js\nx\n\`\`\`\n${'- a\n'.repeat(20_000)}`;
  const spaces = await Promise.all(Array.from({ length: 30 }, () => ann.workspace()));
  const place = await bob.workspace();
  let done = 0;
  const slow = spaces.map(async (space) => {
    const file = await ann.file(space, 'slow.md', text);
    done += 1;
    return file;
  });
  await expect.poll(() => done).toBeGreaterThan(0);
  const before = done;
  expect((await write(bob, place, 'quick.md')).status).toBe(201);
  // Each of thirty transactions would have held one of ten connections.
  expect(done - before).toBeLessThan(5);
  const [file] = await Promise.all(slow);
  expect((await ann.get(`/files/${file!.id}/notebook`)).status).toBe(200);
}, 60_000);
