import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authenticator } from '../accounts/authenticator.ts';
import { tokenTo } from '../accounts/mails.ts';
import { type Sink, startSmtp } from '../mail/smtp.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Holes that a review of accounts and of both APIs has found, each closed by what is tested here. */
const origin = 'http://localhost:4000';
const password = 'correct horse battery';
let server: TestServer;
let sink: Sink;
let nobody: Person;
beforeAll(async () => {
  sink = await startSmtp();
  server = await startServer({
    ...{ publicUrl: origin, smtpUrl: sink.url, confirmation: 'optional', magicLink: true },
    signInsPerMinute: 1_000,
  });
  nobody = new Person(server.url);
});
afterAll(async () => {
  await server.stop();
  await sink.close();
});

const act = (path: string, attributes: object, person = nobody) =>
  person.post(`/users/${path}`, 'users', attributes);
const signIn = async (email: string) => {
  const { body } = await act('sign-in', { email, password });
  const { accessToken, refreshToken } = body.meta as Record<string, string>;
  return new Person(server.url, accessToken, { id: body.data.id, email, refreshToken });
};

describe('a session that has ended, whose access token is not over yet', () => {
  /** A thief's session of a person's; the server knows its token well. Then the person ends it. */
  const stolen = async () => {
    const ann = await register(server.url);
    const thief = await signIn(ann.email);
    expect((await thief.get('/users/me')).status).toBe(200);
    const device = new Authenticator(origin);
    const challenge = await act('passkeys/challenge', {}, thief);
    const response = device.create(challenge.body.meta.options as never);
    expect((await ann.post('/sessions/revoke-others', 'sessions')).status).toBe(204);
    return { ann, thief, response };
  };

  test('adds no passkey, by either API', async () => {
    const { ann, thief, response } = await stolen();
    const added = await thief.post('/passkeys', 'passkeys', { name: 'Mine', response });
    expect(added.status).toBe(401);
    expect(await server.query('select 1 from passkeys where user_id = $1', [ann.id])).toEqual([]);
  });

  test('adds no passkey by GraphQL', async () => {
    const { ann, thief, response } = await stolen();
    await thief.graphql(
      'mutation ($input: CreatePasskeyInput!) { createPasskey(input: $input) { errors { code } } }',
      { input: { name: 'Mine', response } },
    );
    expect(await server.query('select 1 from passkeys where user_id = $1', [ann.id])).toEqual([]);
  });

  test('gets no challenge for one, ends no other session, makes no team, turns on no factor', async () => {
    const { ann, thief } = await stolen();
    const answers = [
      await act('passkeys/challenge', {}, thief),
      await thief.post('/sessions/revoke-others', 'sessions'),
      await thief.post('/teams', 'teams', { name: 'Of nobody' }),
      await act('two-factor/enroll', { currentPassword: password }, thief),
      await act('two-factor/enable', { code: '000000' }, thief),
      await act('change-password', { currentPassword: password, password: 'x'.repeat(9) }, thief),
      await act('change-email', { email: 'x@example.com', currentPassword: password }, thief),
      await act('delete-account', { currentPassword: password }, thief),
    ];
    expect(answers.map(({ status }) => status)).toEqual(Array(answers.length).fill(401));
    expect((await ann.get('/users/me')).status).toBe(200);
    expect(
      await server.query('select 1 from user_teams where user_id = $1', [ann.id]),
    ).toHaveLength(1);
    expect(await server.query('select 1 from second_factors where user_id = $1', [ann.id])).toEqual(
      [],
    );
  });
});

describe('an idempotency key', () => {
  const post = (person: Person, path: string, type: string, attributes: object) =>
    person.request(path, {
      method: 'POST',
      headers: { 'idempotency-key': 'nightly-import' },
      body: { data: { type, attributes } },
    });

  test('of a session answers no key of the same person, which may only read', async () => {
    const ann = await register(server.url);
    const reader = await ann.key('read');
    const attributes = { name: 'deploy', scopes: ['write'] };
    const made = await post(ann, '/api-keys', 'api-keys', attributes);
    expect(made.status).toBe(201);
    const replayed = await post(reader, '/api-keys', 'api-keys', attributes);
    expect(replayed.status).toBe(422);
    expect(JSON.stringify(replayed.body)).not.toContain(made.body.meta.key as string);
    expect((await post(ann, '/api-keys', 'api-keys', attributes)).body.meta).toEqual(
      made.body.meta,
    );
  });

  test('answers nobody who has meanwhile a lower role', async () => {
    const ann = await register(server.url);
    const team = (await ann.post('/teams', 'teams', { name: 'T' })).body.data.id;
    const bob = await register(server.url);
    await server.query(
      `insert into user_teams (id, team_id, user_id, role) values (uuidv7(), $1, $2, 'admin')`,
      [team, bob.id],
    );
    const invite = () =>
      bob.request('/invitations', {
        method: 'POST',
        headers: { 'idempotency-key': 'k', 'kyozo-team': team },
        body: {
          data: { type: 'invitations', attributes: { email: 'c@example.com', role: 'admin' } },
        },
      });
    const first = await invite();
    expect(first.status).toBe(201);
    await server.query(
      `update user_teams set role = 'member' where team_id = $1 and user_id = $2`,
      [team, bob.id],
    );
    const again = await invite();
    expect(again.status).toBe(422);
    expect(JSON.stringify(again.body)).not.toContain(first.body.meta.token as string);
  });
});

describe('whoever takes an account over by its mailbox', () => {
  test('takes it from a change of address that its first user has begun', async () => {
    const mallory = await register(server.url);
    const victim = mallory.email;
    const own = `mallory-${victim}`;
    await act('change-email', { email: own, currentPassword: password }, mallory);
    const waiting = await tokenTo(sink, own, 'confirm');
    await act('magic-link', { email: victim });
    const token = await tokenTo(sink, victim, 'magic-link');
    expect((await act('magic-link/sign-in', { token })).status).toBe(200);
    expect((await act('confirm', { token: waiting })).status).toBe(422);
    const [row] = await server.query<{ email: string }>('select email from users where id = $1', [
      mallory.id,
    ]);
    expect(row!.email).toBe(victim);
  });

  test('also from one whose mail is still in the queue', async () => {
    const ann = await register(server.url);
    await tokenTo(sink, ann.email, 'confirm');
    await act('forgot-password', { email: ann.email });
    const reset = await tokenTo(sink, ann.email, 'reset-password');
    // A mail server that is away keeps the job; it is tried again after the password is another.
    const job = { kind: 'email-change', userId: ann.id, email: `late-${ann.email}` };
    const [before] = await server.query<{ at: string }>(
      `select updated_at::text as at from accounts where user_id = $1`,
      [ann.id],
    );
    await act('reset-password', { token: reset, password: 'another horse battery' });
    await server.query(
      `insert into jobs.job (name, data) values ('mail-person', $1), ('mail-person', $2)`,
      [
        { ...job, passwordOf: before!.at },
        { kind: 'reset', email: ann.email },
      ],
    );
    await tokenTo(sink, ann.email, 'reset-password');
    const open = () =>
      server.query(`select 1 from jobs.job where name = 'mail-person' and state < 'completed'`);
    while ((await open()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(
      await server.query(
        `select 1 from one_time_tokens where kind = 'email-change' and user_id = $1`,
        [ann.id],
      ),
    ).toEqual([]);
  });
});

test('a key that ends makes no key that ends later', async () => {
  const ann = await register(server.url);
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  const { body } = await ann.post('/api-keys', 'api-keys', {
    ...{ name: 'an hour', scopes: ['write'], expiresAt: soon },
  });
  const key = new Person(server.url, body.meta.key as string);
  const make = (expiresAt?: string) =>
    key.post('/api-keys', 'api-keys', { name: 'more', scopes: ['read'], expiresAt });
  const later = new Date(Date.now() + 7_200_000).toISOString();
  expect([(await make()).status, (await make(later)).status]).toEqual([403, 403]);
  expect((await make(soon)).status).toBe(201);
  const names = (await ann.get<RecordObject[]>('/api-keys')).body.data.map(
    ({ attributes }) => attributes.name,
  );
  expect(names.sort()).toEqual(['an hour', 'more']);
});
