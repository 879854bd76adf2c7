import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const signIn = (email: string, password: string, url = server.url) =>
  new Person(url).post('/users/sign-in', 'users', { email, password });
const signInByGraphql = async (email: string, password: string) => {
  const { data } = await new Person(server.url).graphql<{
    signIn: { result: { id: string } | null; errors: { code: string }[] };
  }>(
    'mutation ($input: SignInInput!) { signIn(input: $input) { result { id } errors { code } } }',
    { input: { email, password } },
  );
  return data.signIn.errors[0]?.code ?? 'ok';
};

test('guessing ends within 60 tries, over both APIs and in any case, also at once', async () => {
  const ann = await register(server.url);
  const bob = await register(server.url);
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const email = index % 3 === 0 ? ann.email.toUpperCase() : ann.email;
      const guess = `guess number ${index}`;
      return index % 2 === 0
        ? String((await signIn(email, guess)).body.errors[0]!.code)
        : signInByGraphql(email, guess);
    }),
  );
  expect(outcomes.filter((code) => code === 'unauthenticated').length).toBeLessThanOrEqual(40);
  expect(outcomes.filter((code) => code === 'too_many').length).toBeGreaterThanOrEqual(20);
  const refused = await signIn(ann.email, 'correct horse battery');
  expect(refused.status).toBe(429);
  const wait = Number(refused.headers.get('retry-after'));
  expect(wait).toBeGreaterThanOrEqual(1);
  expect(wait).toBeLessThanOrEqual(60);
  expect(await signInByGraphql(ann.email, 'correct horse battery')).toBe('too_many');
  expect((await signIn(bob.email, 'correct horse battery')).status).toBe(200);
  expect((await ann.get('/users/me')).status).toBe(200);
});

describe('B3 lock-out is no weapon', () => {
  let proxied: TestServer;
  beforeAll(async () => {
    proxied = await startServer({
      trustProxy: readConfig({ TRUST_PROXY: '127.0.0.1' }).trustProxy,
      signInsPerMinute: 3,
    });
  });
  afterAll(() => proxied.stop());

  type From = { source: string; device?: string };
  const tryIn = async (path: string, attributes: object, { source, device }: From) => {
    const headers = { 'x-forwarded-for': source, ...(device && { 'kyozo-device': device }) };
    const body = { data: { type: 'users', attributes } };
    return (
      await new Person(proxied.url).request(`/users/${path}`, { method: 'POST', headers, body })
    ).status;
  };
  const password = 'correct horse battery';
  const home = '198.51.100.1';
  const device = 'a-device-of-the-owner-0123456789';

  test('guesses from elsewhere keep no owner out, and are refused themselves', async () => {
    const ann = await register(proxied.url);
    const elsewhere = { source: '203.0.113.1' };
    const outcomes = [];
    for (let index = 0; index < 8; index++)
      outcomes.push(
        await tryIn('sign-in', { email: ann.email, password: `${index} wrong` }, elsewhere),
      );
    expect(outcomes).toEqual([401, 401, 401, 429, 429, 429, 429, 429]);
    expect(await tryIn('sign-in', { email: ann.email, password }, elsewhere)).toBe(429);
    expect(await tryIn('sign-in', { email: ann.email, password }, { source: home })).toBe(200);
  });

  test('a device that has signed in before gets in from the very source of the guesses', async () => {
    const ann = await register(proxied.url);
    const shared = { source: '203.0.113.2' };
    const own = { ...shared, device };
    expect(await tryIn('sign-in', { email: ann.email, password }, own)).toBe(200);
    for (let index = 0; index < 8; index++)
      await tryIn('sign-in', { email: ann.email, password: `${index} wrong` }, shared);
    expect(await tryIn('sign-in', { email: ann.email, password }, shared)).toBe(429);
    expect(await tryIn('sign-in', { email: ann.email, password }, own)).toBe(200);
    // It guesses no more often than others, and is known for its own person alone.
    const guesses = [];
    for (let index = 0; index < 5; index++)
      guesses.push(await tryIn('sign-in', { email: ann.email, password: `${index} wrong` }, own));
    expect(guesses).toEqual([401, 401, 401, 429, 429]);
    const bob = await register(proxied.url);
    const theirs = [];
    for (let index = 0; index < 5; index++)
      theirs.push(
        await tryIn(
          'sign-in',
          { email: bob.email, password: `${index} wrong` },
          { source: '203.0.113.3', device },
        ),
      );
    expect(theirs).toEqual([401, 401, 401, 429, 429]);
    const kept = await proxied.query<{ hash: Buffer }>('select hash from known_devices');
    expect(kept.map(({ hash }) => hash.includes(device))).toEqual([false]);
  });

  test('guesses from very many sources are slowed down, and known devices are not', async () => {
    const ann = await register(proxied.url);
    expect(await tryIn('sign-in', { email: ann.email, password }, { source: home, device })).toBe(
      200,
    );
    // As if very many sources had guessed in this minute, all but one of those that may.
    const attempts = [
      ['sign-in address', 149],
      ['sign-in address slow', 30],
    ] as const;
    for (const [bucket, count] of attempts)
      await proxied.query(
        `insert into attempts (key, count, ends_at) values ($1, $2, now() + interval '1 minute')
         on conflict (key) do update set count = excluded.count, ends_at = excluded.ends_at`,
        [createHash('sha256').update(`${bucket}\0${ann.email}`).digest(), count],
      );
    const guess = { email: ann.email, password: 'wrong' };
    expect(await tryIn('sign-in', guess, { source: '192.0.2.1' })).toBe(401);
    expect(await tryIn('sign-in', { email: ann.email, password }, { source: '192.0.2.99' })).toBe(
      429,
    );
    expect(await tryIn('sign-in', { email: ann.email, password }, { source: home, device })).toBe(
      200,
    );
  });

  test('mails that somebody else asks for keep nobody from asking', async () => {
    const ann = await register(proxied.url);
    for (const path of ['forgot-password', 'send-confirmation']) {
      for (let index = 0; index < 5; index++)
        await tryIn(path, { email: ann.email }, { source: '203.0.113.4' });
      expect(await tryIn(path, { email: ann.email }, { source: '203.0.113.4' })).toBe(429);
      expect(await tryIn(path, { email: ann.email }, { source: home })).toBe(202);
    }
  });
});

test('right passwords are not counted', async () => {
  const ann = await register(server.url);
  for (let round = 0; round < server.config.signInsPerMinute + 2; round++)
    expect((await signIn(ann.email, 'correct horse battery')).status).toBe(200);
});

test('an address that nobody has is limited like any other, so that a limit tells nothing', async () => {
  const statuses: number[] = [];
  for (let round = 0; round < 41 && statuses.at(-1) !== 429; round++)
    statuses.push((await signIn('nobody@example.com', 'guess number 1')).status);
  expect(statuses.at(-1)).toBe(429);
});

test('one client registers only so often, over both APIs', async () => {
  const small = await startServer({ registrationsPerMinute: 3 });
  try {
    const person = new Person(small.url);
    const outcomes: string[] = [];
    for (let round = 0; round < 7; round++) {
      const input = {
        name: 'Ann',
        email: `ann-${round}@example.com`,
        password: 'correct horse battery',
      };
      if (round % 2 === 0) {
        const { status, headers } = await person.post('/users/register', 'users', input);
        if (status === 429) expect(headers.get('retry-after')).toMatch(/^\d+$/);
        outcomes.push(String(status));
      } else {
        const { data } = await person.graphql<{ register: { errors: { code: string }[] } }>(
          'mutation ($input: RegisterInput!) { register(input: $input) { errors { code } } }',
          { input },
        );
        outcomes.push(data.register.errors[0]?.code ?? '201');
      }
    }
    // Twice the limit passes at most, where the minute turns.
    expect(outcomes.at(-1)).toBe('429');
    expect(outcomes.filter((outcome) => outcome === '201').length).toBeLessThanOrEqual(6);
  } finally {
    await small.stop();
  }
});
