import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { prepareRoles } from '../../src/database/migrate.ts';
import { Queue } from '../../src/jobs/queue.ts';
import { sendDigests } from '../../src/jobs/tasks/mail-notifications.ts';
import { createPost } from '../../src/jobs/tasks/send-mail.ts';
import { createLog } from '../../src/log.ts';
import { until } from '../collaboration/editor.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join, membership, setRole, teamOf } from './members.ts';

let server: TestServer;
let url: string;
let database: Database;
let queue: Queue;
let ann: Person;

beforeAll(async () => {
  server = await startServer();
  ({ server: url } = await prepareRoles(server.databaseUrl, server.config.secretKey));
  database = new Database({ connectionString: url }, { lanes: 1, pool: 8 });
  queue = await Queue.open(url, createLog('silent'));
  ann = await register(server.url, 'Ann');
});
afterAll(async () => {
  await queue.stop();
  await database.close();
  await server.stop();
});

/** The mails to a person, as files: there is no mail server. That of the registration is not meant. */
async function mailsTo({ email }: Person): Promise<string[]> {
  const folder = joinPath(server.dataDir, 'mail');
  const names = await readdir(folder).catch(() => []);
  const mails = await Promise.all(
    names
      .filter((name) => name.endsWith('.eml'))
      .map((name) => readFile(joinPath(folder, name), 'utf8')),
  );
  return mails.filter(
    (mail) => mail.includes(`To: ${email}\r\n`) && !mail.includes('Subject: Confirm'),
  );
}
const subjectOf = (mail: string) => /^Subject: (.*)\r$/m.exec(mail)![1];
/** How many mails were ever handed to the queue; what is handed over is sent. */
const posted = async () => {
  const [row] = await server.query<{ count: string }>(
    `select count(*) from jobs.job where name = 'send-mail'`,
  );
  return Number(row!.count);
};
const prefer = async (person: Person, group: string, mail: string) => {
  const { body } = await person.get<RecordObject[]>(
    `/notification-preferences?filter[group]=${group}`,
  );
  const answer = await person.patch(
    `/notification-preferences/${body.data[0]!.id}`,
    body.data[0]!,
    { mail },
  );
  expect(answer.status).toBe(200);
};
const notify = (person: Person, kind: string, data: object = {}) =>
  server.query('select notify_person($1, $2, null, $3)', [person.id, kind, data]);
const digests = () =>
  sendDigests({
    database,
    post: createPost(queue, server.config.secretKey),
    publicUrl: 'https://kyozo.example',
  }).run({ id: '', data: {}, signal: new AbortController().signal });

test('an invitation is mailed with its link, and a new role at once', async () => {
  const team = await teamOf(ann, 'Mailers');
  const bob = await join(team, 'member', 'Bob');
  await until(async () => (await mailsTo(bob)).length === 1);
  const [invitation] = await mailsTo(bob);
  expect(subjectOf(invitation!)).toBe('You are invited to a team');
  expect(invitation!.replace(/=\r\n/g, '')).toMatch(/\/invitation#token(=3D|=)[\w-]{43}/);
  await setRole(team, await membership(team, bob), 'admin');
  await until(async () => (await mailsTo(bob)).length === 2);
  const mails = await mailsTo(bob);
  expect(mails.some((mail) => mail.includes('Your role in "Mailers" is now admin.'))).toBe(true);
});

test('names that others choose stay out of the headers', async () => {
  const team = await teamOf(ann, 'Evil\r\nBcc: eve@example.com');
  const bob = await join(team, 'member');
  await until(async () => (await mailsTo(bob)).length === 1);
  const [mail] = await mailsTo(bob);
  expect(mail!.slice(0, mail!.indexOf('\r\n\r\n'))).not.toMatch(/eve@example\.com/);
});

test('what fails with its transaction is mailed to nobody', async () => {
  const team = await teamOf(ann);
  const own = await membership(team, ann);
  const before = await server.query(
    `select count(*) from jobs.job where name = 'mail-notifications'`,
  );
  expect((await setRole(team, own, 'member')).status).toBe(409);
  expect(
    await server.query(`select count(*) from jobs.job where name = 'mail-notifications'`),
  ).toEqual(before);
});

test('a day is one mail a person, and nothing comes twice', async () => {
  const people = [
    await register(server.url),
    await register(server.url),
    await register(server.url),
  ];
  for (const person of people) {
    await prefer(person, 'memberships', 'daily');
    for (const team of ['One', 'Two', 'Three']) await notify(person, 'team.deleted', { team });
  }
  // What was read in the app is not mailed as well.
  await people[2]!.post('/notifications/read-all', 'notifications');
  const before = await posted();
  await Promise.all([digests(), digests(), digests(), digests()]);
  await digests();
  expect(await posted()).toBe(before + 2);
  for (const person of people.slice(0, 2)) {
    await until(async () => (await mailsTo(person)).length === 1);
    const [mail] = await mailsTo(person);
    expect(subjectOf(mail!)).toBe('3 notifications from Kyozo Store');
    for (const team of ['One', 'Two', 'Three'])
      expect(mail).toContain(`The team "${team}" was deleted.`);
  }
  expect(await mailsTo(people[2]!)).toEqual([]);
});

test('many people are reached, however many of them have read theirs', async () => {
  await server.query(`insert into users (id, name, email)
    select gen_random_uuid(), 'Many ' || n, 'many' || n || '@example.com' from generate_series(1, 130) n`);
  await server.query(`update notification_preferences set mail = 'daily'
    where "group" = 'memberships' and user_id in (select id from users where name like 'Many %')`);
  await server.query(
    `select notify_person(id, 'team.deleted', null, '{"team": "Big"}') from users where name like 'Many %'`,
  );
  await server.query(`update notifications set read_at = now() where user_id in
    (select id from users where name like 'Many %' and name <> 'Many 130' and name <> 'Many 1')`);
  const before = await posted();
  await digests();
  expect(await posted()).toBe(before + 2);
});

test('a digest that is killed in the middle is sent by the next, once', async () => {
  const people = [await register(server.url), await register(server.url)];
  for (const person of people) {
    await prefer(person, 'memberships', 'daily');
    await notify(person, 'team.deleted', { team: 'Killed' });
  }
  const before = await posted();
  const worker = spawn(
    process.execPath,
    [joinPath(import.meta.dirname, 'digest-worker.ts'), url, server.config.secretKey],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  expect(String(await once(worker.stdout, 'data'))).toBe('posted\n');
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  await digests();
  expect(await posted()).toBe(before + 2);
  for (const person of people) {
    await until(async () => (await mailsTo(person)).length > 0);
    expect(await mailsTo(person)).toHaveLength(1);
  }
});
