import { afterAll, beforeAll, expect, test } from 'vitest';
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
