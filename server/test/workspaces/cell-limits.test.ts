import { existsSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Identifier, Person, type RecordObject, register } from '../support/api.ts';
import { commands } from '../support/commands.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from './sse.ts';

const limits = {
  ...{ sessionsPerPerson: 2, sessionsPerTeam: 3, runsPerPerson: 4, runsPerTeam: 5 },
  ...{ runTimeout: 60, idle: 1_800 },
};
let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer({ cells: limits });
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());

let count = 0;
/** The first task of a new notebook with one cell, and the notebook's file. */
async function cell(source: string, person = ann, home = workspace, language = 'bash') {
  const text = `\`\`\`${language} {name=t}\n${source}\n\`\`\`\n`;
  const file = await person.file(home, `n${++count}.md`, text);
  const { id } = (await person.get(`/files/${file.id}/notebook`)).body.data;
  const tasks = await person.get<RecordObject[]>(`/notebooks/${id}/tasks`);
  return { file, task: tasks.body.data[0]! };
}
const ask = (task: RecordObject, attributes: object = {}, person = ann) =>
  person.post(`/tasks/${task.id}/runs`, 'task-runs', attributes);
const start = async (task: RecordObject, person = ann) => {
  const { status, body } = await ask(task, {}, person);
  expect(status, JSON.stringify(body.errors)).toBe(202);
  return body.data;
};
const statusOf = async (run: RecordObject) => {
  const [row] = await server.query<{ status: string; reason: string | null }>(
    'select status, reason from task_runs where id = $1',
    [run.id],
  );
  return [row?.status, row?.reason];
};
async function finished(run: RecordObject, person = ann) {
  await (await person.fetch(`/task-runs/${run.id}/outputs/stream`)).text();
  const { body } = await person.get<RecordObject[]>(`/task-runs/${run.id}/outputs`);
  const text = body.data.map(({ attributes }) => attributes.data).join('');
  return { state: await statusOf(run), text };
}
/** Waits until a cell has said something. */
async function speaking(run: RecordObject, person = ann) {
  const stream = await follow(person, `/task-runs/${run.id}/outputs/stream`);
  await stream.next();
  await stream.close();
}
const cancel = (run: RecordObject) => ann.delete(`/task-runs/${run.id}`);
const sleeps = (seconds: number) => commands().includes(`sleep\0${seconds}\0`);

test('A7 runs that wait have an end for a person, and a timeout for every run', async () => {
  const { task } = await cell('echo on; sleep 7700');
  const runs = [];
  for (let at = 0; at < limits.runsPerPerson; at++) runs.push(await start(task));
  const refused = await ask(task);
  expect([refused.status, refused.body.errors[0]!.code]).toEqual([429, 'too_many']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  for (const run of runs.toReversed()) expect((await cancel(run)).status).toBe(200);
  for (const run of runs) expect((await finished(run)).state).toEqual(['cancelled', 'cancelled']);
  const long = await ask(task, { timeout: 61 });
  expect([long.status, long.body.errors[0]!.source?.pointer]).toEqual([
    422,
    '/data/attributes/timeout',
  ]);
});

test('A7 a person has so many sessions at once; unused ones make room', async () => {
  const [one, two, three] = [
    await cell('a=1; echo on'),
    await cell('echo on; sleep 7701'),
    await cell('echo on; sleep 7702'),
  ];
  await finished(await start(one.task));
  const second = await start(two.task);
  await speaking(second);
  // The first session is not in use, so it ends.
  const third = await start(three.task);
  await speaking(third);
  const refused = await ask(one.task);
  expect([refused.status, refused.body.errors[0]!.code]).toEqual([429, 'too_many']);
  for (const run of [second, third]) await cancel(run);
  await expect.poll(() => sleeps(7701) || sleeps(7702)).toBe(false);
  expect((await finished(await start(one.task))).state).toEqual(['succeeded', null]);
});

test('A7 a file in the trash ends its run, its queue and its session, and starts none', async () => {
  const { file, task } = await cell(
    '(setsid sleep 7703 >/dev/null 2>&1 &); echo on; sleep 7704; touch no',
  );
  const [running, waiting] = [await start(task), await start(task)];
  await speaking(running);
  await ann.delete(`/files/${file.id}`);
  for (const run of [running, waiting])
    await expect.poll(() => statusOf(run)).toEqual(['cancelled', 'trashed']);
  await expect.poll(() => sleeps(7703) || sleeps(7704)).toBe(false);
  const { status } = await ask(task);
  expect([404, 409]).toContain(status);
});

test('A7 the runs of a removed member end with the membership, those that wait too', async () => {
  const team = (await ann.post('/teams', 'teams', { name: 'Team' })).body.data;
  const inTeam = (person: Person) =>
    new (class extends Person {
      override fetch(path: string, options: Parameters<Person['fetch']>[1] = {}) {
        return super.fetch(path, {
          ...options,
          headers: { 'kyozo-team': team.id, ...options?.headers },
        });
      }
    })(server.url, person.token, person);
  const bob = await register(server.url, 'Bob');
  const [annThere, bobThere] = [inTeam(ann), inTeam(bob)];
  await server.query(
    "insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')",
    [team.id, bob.id],
  );
  const there = await annThere.workspace();
  const { task } = await cell('echo on; sleep 7705', annThere, there);
  const running = await start(task, bobThere);
  await speaking(running, annThere);
  const waiting = await start(task, bobThere);
  const hers = await start(task, annThere);
  const members = await annThere.get<RecordObject[]>('/user-teams');
  const his = members.body.data.find(
    ({ relationships }) => (relationships.user!.data as Identifier).id === bob.id,
  )!;
  expect((await annThere.delete(`/user-teams/${his.id}`)).status).toBe(204);
  for (const run of [running, waiting])
    await expect.poll(() => statusOf(run)).toEqual(['cancelled', 'removed']);
  await speaking(hers, annThere);
  expect((await annThere.delete(`/task-runs/${hers.id}`)).status).toBe(200);
});

test('A7 a session whose files take too much ends; its files are gone, the next cell works', async () => {
  const { task } = await cell(
    'echo on; for i in 1 2 3 4 5 6; do head -c 200000000 /dev/zero > f$i; done; sleep 20',
  );
  const scratch = await readlink(join(server.dataDir, 'runs'));
  const before = await readdir(scratch);
  const run = await start(task);
  expect((await finished(run)).state).toEqual(['failed', 'disk']);
  await expect
    .poll(async () => (await readdir(scratch)).filter((name) => !before.includes(name)))
    .toEqual([]);
  // So deep that no path leads there, and shut.
  const deep = await cell(
    'for i in $(seq 1 250); do mkdir xxxxxxxxxxxxxxxxxxxx && cd xxxxxxxxxxxxxxxxxxxx; done; mkdir s; chmod 0 s; sleep 20',
  );
  expect((await finished(await start(deep.task))).state).toEqual(['failed', 'disk']);
  await expect
    .poll(async () => (await readdir(scratch)).filter((name) => !before.includes(name)))
    .toEqual([]);
  const hidden = await cell(
    "import os, time\nfor i in range(6):\n  f = open('x', 'wb'); os.unlink('x'); f.write(b'x' * 200_000_000); f.flush(); globals()[f'f{i}'] = f\ntime.sleep(20)",
    ...([ann, workspace, 'python'] as const),
  );
  expect((await finished(await start(hidden.task))).state).toEqual(['failed', 'disk']);
  const many = await cell(
    'for i in $(seq 1 60); do mkdir d$i; (cd d$i; touch $(seq 1 1000)); done; sleep 20',
  );
  expect((await finished(await start(many.task))).state).toEqual(['failed', 'disk']);
  const fine = await cell('echo fine');
  expect((await finished(await start(fine.task))).text).toBe('fine\n');
});

test('A2 a flood fails the run with the reason, and the notebook goes on', async () => {
  const { task } = await cell(
    "import os\nwhile True: os.write(3, b'x' * 65536)",
    ann,
    workspace,
    'python',
  );
  expect((await finished(await start(task))).state).toEqual(['failed', 'output']);
  expect((await ann.get('/health/live')).status).toBe(200);
  const small = await cell(
    "for at in range(30_000): display('x')",
    ...([ann, workspace, 'python'] as const),
  );
  const said = await finished(await start(small.task));
  expect(said.state).toEqual(['failed', 'output']);
  expect(said.text).toMatch(/^x+$/);
});

test('A3 a cancel at any moment stops the run for good', async () => {
  const { task } = await cell('echo started; sleep 7706; echo survived; touch ran');
  for (const wait of [0, 5, 20, 60, 120]) {
    const run = await start(task);
    await new Promise((done) => setTimeout(done, wait));
    expect((await cancel(run)).body.data.attributes.status).toBe('cancelled');
    expect((await cancel(run)).body.data.attributes.status).toBe('cancelled');
    await expect.poll(() => sleeps(7706)).toBe(false);
    expect((await finished(run)).text).not.toMatch(/survived/);
  }
  const scratch = await readlink(join(server.dataDir, 'runs'));
  for (const name of await readdir(scratch))
    expect(existsSync(join(scratch, name, 'work/ran'))).toBe(false);
});
