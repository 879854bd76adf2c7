import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from '../workspaces/sse.ts';
import { accept, membership, setRole, teamOf } from './members.ts';

let server: TestServer;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url, 'Ann');
  bob = await register(server.url, 'Bob');
});
afterAll(() => server.stop());

const notify = (person: Person, kind: string, data: object = {}) =>
  server.query('select notify_person($1, $2, null, $3)', [person.id, kind, data]);
const list = async (person: Person, query = '') =>
  (await person.get<RecordObject[]>(`/notifications${query}`)).body.data;
const prefer = async (person: Person, group: string, attributes: object) => {
  const { body } = await person.get<RecordObject[]>(
    `/notification-preferences?filter[group]=${group}`,
  );
  return person.patch(`/notification-preferences/${body.data[0]!.id}`, body.data[0]!, attributes);
};

test('a notification is shown to its person and to nobody else', async () => {
  await notify(ann, 'security.password-changed', { at: 'home' });
  const [hers] = await list(ann);
  expect(hers!.attributes).toMatchObject({
    kind: 'security.password-changed',
    data: { at: 'home' },
    readAt: null,
  });
  expect(await list(bob)).toEqual([]);
  expect((await bob.get(`/notifications/${hers!.id}`)).status).toBe(404);
  expect((await bob.post(`/notifications/${hers!.id}/read`, 'notifications')).status).toBe(404);
  expect((await bob.delete(`/notifications/${hers!.id}`)).status).toBe(404);
  expect((await list(ann))[0]!.attributes.readAt).toBeNull();
});

test('they are read one by one and all at once, and removed', async () => {
  for (let count = 0; count < 3; count++) await notify(bob, 'membership.removed', { count });
  const [newest] = await list(bob);
  expect(newest!.attributes.data).toEqual({ count: 2 });
  const read = await bob.post(`/notifications/${newest!.id}/read`, 'notifications');
  expect(read.status).toBe(200);
  expect(read.body.data.attributes.readAt).not.toBeNull();
  const unread = () => list(bob, '?filter[readAt][is_nil]=true');
  expect(await unread()).toHaveLength(2);
  // The first time stands.
  const again = await bob.post(`/notifications/${newest!.id}/read`, 'notifications');
  expect(again.body.data.attributes.readAt).toBe(read.body.data.attributes.readAt);
  const unreadOfAnn = (await list(ann, '?filter[readAt][is_nil]=true')).length;
  expect((await bob.post('/notifications/read-all', 'notifications')).status).toBe(204);
  expect(await unread()).toEqual([]);
  expect(await list(ann, '?filter[readAt][is_nil]=true')).toHaveLength(unreadOfAnn);
  expect((await bob.delete(`/notifications/${newest!.id}`)).status).toBe(204);
  expect(await list(bob)).toHaveLength(2);
});

test('everybody has all preferences, and changes their own only', async () => {
  const { body } = await ann.get<RecordObject[]>('/notification-preferences');
  expect(body.data.map(({ attributes }) => attributes.group).sort()).toEqual([
    'invitations',
    'memberships',
    'security',
  ]);
  const [hers] = body.data;
  expect((await bob.patch(`/notification-preferences/${hers!.id}`, hers!, {})).status).toBe(404);
});

test('what is switched off is not shown, but security always is', async () => {
  const carl = await register(server.url, 'Carl');
  expect((await prefer(carl, 'memberships', { inApp: false })).status).toBe(200);
  await notify(carl, 'membership.removed');
  await notify(carl, 'security.password-changed');
  expect((await list(carl)).map(({ attributes }) => attributes.kind)).toEqual([
    'security.password-changed',
  ]);
  // It still waits to be mailed; with mail off too, nothing is kept.
  const kept = () => server.query('select id from notifications where user_id = $1', [carl.id]);
  expect(await kept()).toHaveLength(2);
  expect((await prefer(carl, 'memberships', { mail: 'off' })).status).toBe(200);
  await notify(carl, 'membership.removed');
  expect(await kept()).toHaveLength(2);
  const mail = await prefer(carl, 'security', { mail: 'off' });
  expect([mail.status, mail.body.errors[0]!.source]).toEqual([
    422,
    { pointer: '/data/attributes/mail' },
  ]);
  const inApp = await prefer(carl, 'security', { inApp: false });
  expect([inApp.status, inApp.body.errors[0]!.source]).toEqual([
    422,
    { pointer: '/data/attributes/inApp' },
  ]);
  expect((await prefer(carl, 'security', { mail: 'daily' })).status).toBe(200);
});

describe('the stream', () => {
  type Told = { id: string; kind: string; data: { number: number } };

  test('tells at once, in all teams, and only its person', async () => {
    const [dora, eve] = [await register(server.url), await register(server.url)];
    const team = await teamOf(ann, 'Streamed');
    const hers = await follow(dora, '/notifications/stream');
    const theirs = await follow(eve, '/notifications/stream');
    const invited = await team.post('/invitations', 'invitations', {
      email: dora.email,
      role: 'member',
    });
    const first = await hers.next();
    expect([first!.event, first!.data]).toEqual([
      'notification',
      expect.objectContaining({
        kind: 'invitation.received',
        teamId: team.team,
        data: { team: 'Streamed', role: 'member', inviter: 'Ann' },
      }),
    ]);
    await accept(dora, invited.body.meta.token);
    const record = await membership(team, dora);
    await setRole(team, record, 'admin');
    await team.delete(`/user-teams/${record.id}`);
    const kinds = [await hers.next(), await hers.next()].map((event) => (event!.data as Told).kind);
    expect(kinds).toEqual(['membership.role-changed', 'membership.removed']);
    await notify(eve, 'team.deleted');
    expect((await theirs.next())!.data).toMatchObject({ kind: 'team.deleted' });
    await hers.close();
    await theirs.close();
  });

  test('nothing is lost, doubled or out of order for a reader who comes and goes', async () => {
    const fay = await register(server.url);
    const seen: number[] = [];
    let cursor = '0-0';
    const read = async () => {
      while (seen.length < 100) {
        const stream = await follow(fay, '/notifications/stream', cursor);
        for (let taken = 0; taken < 7 && seen.length < 100; taken++) {
          const event = await stream.next();
          seen.push((event!.data as Told).data.number);
          cursor = event!.id!;
        }
        await stream.close();
      }
    };
    const write = async () => {
      for (let number = 0; number < 100; number++) await notify(fay, 'team.deleted', { number });
    };
    await Promise.all([read(), write()]);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, number) => number));
  });

  test('is closed to a key without the scope, and ends with the session', async () => {
    const gus = await register(server.url);
    const key = await gus.key('files:read');
    expect((await key.fetch('/notifications/stream')).status).toBe(403);
    expect((await key.fetch('/events/stream')).status).toBe(403);
    const from = { 'last-event-id': '0-0' };
    expect((await key.fetch('/events/stream', { headers: from })).status).toBe(403);
    const stream = await follow(gus, '/notifications/stream');
    await gus.request('/users/sign-out', { method: 'POST' });
    await notify(gus, 'team.deleted');
    expect(await stream.next()).toBeUndefined();
  });
});
