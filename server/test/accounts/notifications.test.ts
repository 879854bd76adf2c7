import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

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
