import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources } from '../../src/resources.ts';
import { type Acting, join, teamOf } from '../accounts/members.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from '../workspaces/sse.ts';

let server: TestServer;
let ann: Person;
let team: Acting;
let admin: Acting;
let member: Acting;

const makeKey = (by: Acting, attributes: object) =>
  by.post('/api-keys', 'api-keys', { scopes: ['read'], ...attributes });

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url, 'Ann');
  team = await teamOf(ann);
  admin = await join(team, 'admin');
  member = await join(team, 'member');
  await makeKey(team, { name: 'secret-of-ann' });
  await makeKey(team, { name: 'secret-of-team', owner: 'team' });
  await makeKey(member, { name: 'own-of-member' });
  await team.post('/invitations', 'invitations', { email: 'secret@example.com', role: 'owner' });
  await team.workspace('open-to-all');
});
afterAll(() => server.stop());

/** All that a person can learn from the log, by each way to it. */
async function learned(person: Person): Promise<Record<string, string>> {
  const list = await person.get<RecordObject[]>('/events?page[size]=100&page[count]=true');
  const stream = await follow(person, '/events/stream', '0-0');
  const streamed: unknown[] = [];
  for (let last: unknown; last !== 'workspace.created'; ) {
    const event = await stream.next();
    streamed.push(event!.data);
    last = event!.event;
  }
  await stream.close();
  const { data } = await person.graphql(
    '{ events(first: 100) { edges { node { id name data } } } }',
  );
  expect((list.body.meta.page as { total: number }).total).toBe(list.body.data.length);
  return {
    list: JSON.stringify(list.body),
    stream: JSON.stringify(streamed),
    graphql: JSON.stringify(data),
  };
}

test('owners and admins see all that happened', async () => {
  for (const person of [team, admin])
    for (const text of Object.values(await learned(person)))
      for (const what of [
        'secret-of-ann',
        'secret-of-team',
        'own-of-member',
        'secret@example.com',
        'open-to-all',
      ])
        expect(text).toContain(what);
});

test('a member learns of no key but its own and of no invitation, by no way', async () => {
  for (const [way, text] of Object.entries(await learned(member))) {
    expect([way, text.includes('own-of-member')]).toEqual([way, true]);
    expect([way, text.includes('open-to-all')]).toEqual([way, true]);
    expect([way, /secret|invitation/.test(text)]).toEqual([way, false]);
  }
});

test('a hidden event is not there by its id either', async () => {
  const hidden = await server.query<{ id: string; record_id: string }>(
    `select id, record_id from events where team_id = $1 and resource in ('invitations', 'api-keys')
      and state->>'user_id' is distinct from $2`,
    [team.team, member.id],
  );
  expect(hidden.length).toBeGreaterThan(5);
  for (const { id, record_id } of hidden) {
    expect((await member.get(`/events/${id}`)).status).toBe(404);
    const { data } = await member.graphql('query ($id: ID!) { node(id: $id) { id } }', { id });
    expect(data).toEqual({ node: null });
    const counted = await member.get(`/events?filter[recordId]=${record_id}&page[count]=true`);
    expect(counted.body.meta).toEqual({ page: { total: 0 } });
  }
});

test('every type that not everyone may read has a rule in the log', () => {
  // Of its people everybody in the team may know.
  const logged = resources.filter(({ events }) => Object.keys(events).length > 0);
  const closed = logged.filter(
    ({ type, policies }) => policies.read.check !== 'signed-in' && type !== 'users',
  );
  const rules = JSON.stringify(resources.find(({ type }) => type === 'events')!.policies.read);
  expect(closed.map(({ type }) => type).sort()).toEqual(['api-keys', 'invitations', 'transfers']);
  for (const { type } of closed) expect(rules).toContain(`"${type}"`);
});
