import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join as pathOf } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Acting, accept, eventsOf, join, kindsOf, membership, teamOf } from './members.ts';

let server: TestServer;
let ann: Person;
let team: Acting;

beforeAll(async () => {
  server = await startServer({ signInsPerMinute: 100_000 });
  ann = await register(server.url, 'Ann');
  team = await teamOf(ann, 'Crew');
});
afterAll(() => server.stop());

const invite = (by: Acting, email: string, role = 'member') =>
  by.post('/invitations', 'invitations', { email, role });
const preview = (token: unknown, by: Person = ann) =>
  by.post('/invitations/preview', 'invitations', { token });
const pending = async (by: Acting) =>
  (await by.get<RecordObject[]>('/invitations')).body.data.map(({ attributes }) => attributes);

describe('B4 invitations are no relay for spam', () => {
  let small: TestServer;
  let sender: Acting;
  beforeAll(async () => {
    small = await startServer({ invitationsPerDay: 6, invitationsPerAddress: 2 });
    sender = await teamOf(await register(small.url), 'pay at http://evil.example');
  });
  afterAll(() => small.stop());
  const mailsTo = async (address: string) => {
    const folder = pathOf(small.dataDir, 'mail');
    const names = await readdir(folder).catch((): string[] => []);
    const letters = await Promise.all(names.map((name) => readFile(pathOf(folder, name), 'utf8')));
    return letters.filter((letter) => letter.includes(`To: ${address}`));
  };
  const address = () => `${randomUUID()}@example.com`;

  test('one address is invited by a team so often in a day, new or sent again', async () => {
    const stranger = address();
    const { body } = await invite(sender, stranger);
    const resend = () => sender.post(`/invitations/${body.data.id}/resend`, 'invitations');
    const statuses = [];
    for (let round = 0; round < 5; round++) statuses.push((await resend()).status);
    expect(statuses).toEqual([200, 429, 429, 429, 429]);
    const refused = await resend();
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_600);
    expect((await sender.delete(`/invitations/${body.data.id}`)).status).toBe(204);
    expect((await invite(sender, stranger.toUpperCase())).status).toBe(429);
    await expect.poll(async () => (await mailsTo(stranger)).length).toBe(2);
    const [letter] = await mailsTo(stranger);
    expect(letter!.replaceAll('=\r\n', '')).not.toContain('evil.example');
  });

  test('a team, and a person over all teams, invite so often in a day', async () => {
    const by = await register(small.url);
    const [first, second] = [await teamOf(by), await teamOf(by)];
    const statuses = [];
    for (const team of [first, first, first, first, second, second, second])
      statuses.push((await invite(team, address())).status);
    expect(statuses).toEqual([201, 201, 201, 201, 201, 201, 429]);
  });

  test('an address that many teams invite gets no more mails, and nobody is refused for it', async () => {
    const stranger = address();
    const answers = [];
    for (let round = 0; round < 9; round++)
      answers.push(await invite(await teamOf(await register(small.url)), stranger));
    expect(answers.map(({ status }) => status)).toEqual(Array(9).fill(201));
    expect(answers.map(({ body }) => body.meta.mailed)).toEqual([...Array(8), false]);
    await expect.poll(async () => (await mailsTo(stranger)).length).toBe(8);
  });
});

test('an invitation is shown once, kept as a hash, and makes a member', async () => {
  const bob = await register(server.url, 'Bob');
  const { status, body } = await invite(team, bob.email.toUpperCase(), 'admin');
  expect(status).toBe(201);
  const { token, url } = body.meta as { token: string; url: string };
  expect(url).toBe(`${server.config.publicUrl}/invitation#token=${token}`);
  const hours = (Date.parse(body.data.attributes.expiresAt as string) - Date.now()) / 3_600_000;
  expect(Math.round(hours)).toBe(48);
  const [row] = await server.query<{ hash: Buffer; all: string }>(
    'select hash, to_jsonb(i)::text as all from invitations i where id = $1',
    [body.data.id],
  );
  expect(row!.hash).toEqual(createHash('sha256').update(token).digest());
  const log = await server.query<{ all: string }>('select to_jsonb(e)::text as all from events e');
  const told = await server.query<{ all: string }>(
    'select to_jsonb(n)::text as all from notifications n',
  );
  expect([row!, ...log, ...told].map(({ all }) => all).join()).not.toContain(token);
  const again = await team.get(`/invitations/${body.data.id}`);
  expect(JSON.stringify(again.body)).not.toContain(token);
  expect(await kindsOf(bob)).toEqual(['invitation.received']);

  expect((await preview(token)).body.meta).toEqual({
    team: 'Crew',
    role: 'admin',
    email: bob.email.toUpperCase(),
    inviter: 'Ann',
  });
  const accepted = await accept(bob, token);
  expect([accepted.status, accepted.body.data.type]).toEqual([200, 'user-teams']);
  expect(accepted.body.data.attributes.role).toBe('admin');
  expect(await kindsOf(ann)).toEqual(['invitation.accepted']);
  expect(await pending(team)).toEqual([]);
  expect((await eventsOf(server, team.team)).slice(-3)).toEqual([
    'invitation.created',
    'invitation.accepted',
    'user-team.created',
  ]);
  expect((await accept(bob, token)).status).toBe(404);
});

test('of fifty who accept at once exactly one becomes a member', async () => {
  const bob = await register(server.url);
  const { body } = await invite(team, bob.email);
  const answers = await Promise.all(Array.from({ length: 50 }, () => accept(bob, body.meta.token)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(49).fill(404)]);
  const members = await server.query(
    'select id from user_teams where team_id = $1 and user_id = $2',
    [team.team, bob.id],
  );
  expect(members).toHaveLength(1);
});

test('a token is for its address only, and a look-alike is another address', async () => {
  const eve = await register(server.url, 'Eve');
  const { body } = await invite(team, 'karl@example.com');
  expect((await accept(eve, body.meta.token)).status).toBe(403);
  const kelvin = await server.query<{ same: boolean }>(
    `select address_key('karl@example.com') = address_key($1) as same`,
    ['\u212Aarl@example.com'],
  );
  expect(kelvin).toEqual([{ same: false }]);
  // Refused for another, it still stands.
  expect((await preview(body.meta.token)).status).toBe(200);
  expect((await team.delete(`/invitations/${body.data.id}`)).status).toBe(204);
});

test('a key accepts nothing, and nobody accepts unsigned', async () => {
  const bob = await register(server.url);
  const { body } = await invite(team, bob.email);
  expect((await accept(await bob.key('write'), body.meta.token)).status).toBe(403);
  const unsigned = await fetch(`${server.url}/api/v1/invitations/accept`, { method: 'POST' });
  expect(unsigned.status).toBe(401);
  expect((await accept(bob, body.meta.token)).status).toBe(200);
});

test('a second invitation of an address is refused, until it is sent again or cancelled', async () => {
  const bob = await register(server.url);
  const first = await invite(team, bob.email);
  const second = await invite(team, bob.email.toUpperCase());
  expect([second.status, second.body.errors[0]!.source]).toEqual([
    409,
    { pointer: '/data/attributes/email' },
  ]);
  const path = `/invitations/${first.body.data.id}`;
  const resent = await team.post(`${path}/resend`, 'invitations');
  expect(resent.status).toBe(200);
  expect((await accept(bob, first.body.meta.token)).status).toBe(404);
  expect((await team.delete(path)).status).toBe(204);
  expect((await accept(bob, resent.body.meta.token)).status).toBe(404);
  const third = await invite(team, bob.email);
  expect((await accept(bob, third.body.meta.token)).status).toBe(200);
  const fourth = await invite(team, bob.email);
  expect([fourth.status, fourth.body.errors[0]!.detail]).toEqual([
    409,
    'This person is already a member.',
  ]);
});

test('who is a member already spends the invitation and is told so', async () => {
  const bob = await register(server.url);
  const { body } = await invite(team, bob.email, 'owner');
  await server.query(
    `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
    [team.team, bob.id],
  );
  expect((await accept(bob, body.meta.token)).status).toBe(409);
  expect((await membership(team, bob)).attributes.role).toBe('member');
  expect((await accept(bob, body.meta.token)).status).toBe(404);
});

test('members see no invitations and make none; only an owner invites owners', async () => {
  const [admin, member] = [await join(team, 'admin'), await join(team, 'member')];
  const { body } = await invite(team, 'late@example.com', 'owner');
  const path = `/invitations/${body.data.id}`;
  expect((await member.get<RecordObject[]>('/invitations')).body.data).toEqual([]);
  expect((await member.get(path)).status).toBe(404);
  expect((await invite(member, 'x@example.com')).status).toBe(403);
  expect((await member.delete(path)).status).toBe(404);
  expect((await admin.get(path)).status).toBe(200);
  expect((await invite(admin, 'x@example.com', 'owner')).status).toBe(403);
  expect((await admin.post(`${path}/resend`, 'invitations')).status).toBe(403);
  const graphql = await admin.graphql<{ createInvitation: { errors: { code: string }[] } }>(
    'mutation { createInvitation(input: { email: "x@example.com", role: "owner" }) { errors { code } } }',
  );
  expect(graphql.data.createInvitation.errors[0]!.code).toBe('forbidden');
  expect(await pending(admin)).toMatchObject([{ email: 'late@example.com', role: 'owner' }]);
});

test('unknown, expired, used and cancelled tokens get one answer, in body and time', async () => {
  const bob = await register(server.url);
  const used = (await invite(team, bob.email)).body.meta.token as string;
  await accept(bob, used);
  const late = await invite(team, 'expired@example.com');
  await server.query('update invitations set expires_at = now() where id = $1', [
    late.body.data.id,
  ]);
  const cancelled = await invite(team, 'cancelled@example.com');
  await team.delete(`/invitations/${cancelled.body.data.id}`);
  const tokens = {
    unknown: 'x'.repeat(43),
    expired: late.body.meta.token,
    used,
    cancelled: cancelled.body.meta.token,
  };
  const kinds = Object.keys(tokens) as (keyof typeof tokens)[];
  const times: Record<string, number[]> = Object.fromEntries(kinds.map((kind) => [kind, []]));
  const answers = new Set<string>();
  for (const call of [preview, (token: unknown) => accept(bob, token)]) {
    for (let round = 0; round < 100; round++) {
      for (const kind of kinds) {
        const start = process.hrtime.bigint();
        const { status, body } = await call(tokens[kind]);
        times[kind]!.push(Number(process.hrtime.bigint() - start));
        answers.add(JSON.stringify([status, body]));
      }
    }
  }
  expect([...answers]).toHaveLength(1);
  // How often an unknown token takes longer than the other: a half, if time tells nothing. The bound
  // is five standard deviations of that share for two samples of 200.
  for (const kind of kinds.slice(1)) {
    const share = sharesAbove(times.unknown!, times[kind]!);
    expect([kind, Math.abs(share - 0.5) < 0.145]).toEqual([kind, true]);
  }
}, 120_000);

/** The share of pairs in which the first is the greater (Mann and Whitney's U). */
function sharesAbove(some: number[], others: number[]): number {
  let above = 0;
  for (const one of some) for (const other of others) above += one > other ? 1 : 0;
  return above / (some.length * others.length);
}
