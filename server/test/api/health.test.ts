import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { join as joinTeam, teamOf } from '../accounts/members.ts';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

type Health = { status: string; checks: Record<string, Record<string, string>[]> };
async function ask(path: string, person = new Person(server.url, undefined, { id: '' })) {
  const answer = await person.fetch(path);
  return {
    code: answer.status,
    type: answer.headers.get('content-type'),
    body: await answer.text(),
  };
}

test('anyone learns which part works, and an owner or admin what it says', async () => {
  const ready = await ask('/health/ready');
  expect([ready.code, ready.type]).toEqual([200, 'application/health+json']);
  const parts = ['database', 'jobs', 'storage:disk', 'storage:contents'];
  expect(Object.keys((JSON.parse(ready.body) as Health).checks)).toEqual(parts);

  const tmp = join(server.dataDir, 'blobs/tmp');
  await rename(tmp, `${tmp}-away`);
  try {
    const down = await ask('/health/ready');
    expect(down.code).toBe(503);
    expect((JSON.parse(down.body) as Health).checks['storage:disk']).toEqual([{ status: 'fail' }]);
    const told = await ask('/health', ann);
    expect([told.code, told.type]).toEqual([503, 'application/health+json']);
    const { releaseId, checks } = JSON.parse(told.body) as Health & { releaseId: string };
    expect(releaseId).toMatch(/^\d+\.\d+\.\d+$/);
    expect(checks['storage:disk']).toMatchObject([
      { status: 'fail', output: expect.stringMatching(/\w/), time: expect.any(String) },
    ]);
    expect(checks.database).toMatchObject([{ status: 'pass' }]);
  } finally {
    await rename(`${tmp}-away`, tmp);
  }
  expect((await ask('/health', ann)).code).toBe(200);
});

test('others are refused the details', async () => {
  expect((await ask('/health')).code).toBe(401);
  const viewer = await joinTeam(await teamOf(ann, 'Health'), 'member');
  expect(await ask('/health', viewer)).toMatchObject({
    code: 403,
    body: expect.stringContaining('owners and admins'),
  });
});
