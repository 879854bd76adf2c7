import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { totp } from './totp.ts';

let server: TestServer;
let nobody: Person;
beforeAll(async () => {
  server = await startServer({ signInsPerMinute: 1_000 });
  nobody = new Person(server.url);
});
afterAll(() => server.stop());

const currentPassword = 'correct horse battery';
const act = (person: Person, path: string, attributes: object = {}) =>
  person.post(`/users/${path}`, 'users', attributes);
const signIn = (email: string, code?: unknown, password = currentPassword) =>
  act(nobody, 'sign-in', { email, password, code });

/** Forgets which step was taken last, as if time had passed. */
const later = (person: Person) =>
  server.query('update second_factors set last_step = 0 where user_id = $1', [person.id]);

/** A person whose second factor is on. */
async function guarded() {
  const person = await register(server.url);
  const { secret } = (await act(person, 'two-factor/enroll', { currentPassword })).body.meta as {
    secret: string;
  };
  const enabled = await act(person, 'two-factor/enable', { code: totp(secret) });
  expect(enabled.status).toBe(200);
  await later(person);
  return { person, secret, recoveryCodes: enabled.body.meta.recoveryCodes as string[] };
}

test('it is on once a code shows that the device has it, and shown to nobody else', async () => {
  const ann = await register(server.url);
  const enrolled = await act(ann, 'two-factor/enroll', { currentPassword });
  const { secret, uri } = enrolled.body.meta as Record<string, string>;
  expect(uri).toBe(
    `otpauth://totp/Kyozo%20Store:${encodeURIComponent(ann.email)}?secret=${secret}&issuer=Kyozo%20Store&digits=6&period=30`,
  );
  expect((await signIn(ann.email)).status).toBe(200);
  const wrong = await act(ann, 'two-factor/enable', {
    code: '000000' === totp(secret!) ? '1' : '000000',
  });
  expect(wrong.status).toBe(401);
  expect((await ann.get('/users/me')).body.data.attributes.twoFactorEnabled).toBe(false);
  const enabled = await act(ann, 'two-factor/enable', { code: totp(secret!) });
  expect(enabled.body.data.attributes.twoFactorEnabled).toBe(true);
  expect(new Set(enabled.body.meta.recoveryCodes as string[]).size).toBe(10);
  expect((await act(ann, 'two-factor/enroll', { currentPassword })).status).toBe(409);
  const [row] = await server.query<{ text: string }>(
    'select json_agg(f)::text as text from second_factors f',
  );
  expect(row!.text).not.toContain(secret);

  const bob = await register(server.url);
  const team = (await ann.post('/teams', 'teams', { name: 'Shared' })).body.data.id;
  await server.query(
    `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
    [team, bob.id],
  );
  const seen = await bob.get(`/users/${ann.id}`, { 'kyozo-team': team });
  expect(seen.body.data.attributes).toMatchObject({ twoFactorEnabled: null, emailVerified: null });
});

describe('signing in', () => {
  test('takes the code, once; the first step alone gives nothing', async () => {
    const { person, secret } = await guarded();
    const first = await signIn(person.email);
    expect([first.status, first.body.errors[0]!.code]).toEqual([401, 'second_factor_required']);
    expect(first.body.meta).toBeUndefined();
    expect((await signIn(person.email, totp(secret), 'wrong horse')).body.errors[0]!.code).toBe(
      'unauthenticated',
    );
    const code = totp(secret);
    const answers = await Promise.all(Array.from({ length: 4 }, () => signIn(person.email, code)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    expect((await signIn(person.email, code)).body.errors[0]!.code).toBe('unauthenticated');
  });

  test('by GraphQL takes it just the same', async () => {
    const { person, secret } = await guarded();
    const by = async (code?: string) => {
      const { data } = await nobody.graphql<{ signIn: { errors: { code: string }[] } }>(
        'mutation ($input: SignInInput!) { signIn(input: $input) { errors { code } } }',
        { input: { email: person.email, password: currentPassword, code } },
      );
      return data.signIn.errors[0]?.code ?? 'ok';
    };
    expect([await by(), await by('1'), await by(totp(secret))]).toEqual([
      'second_factor_required',
      'unauthenticated',
      'ok',
    ]);
  });

  test('takes the codes beside for clocks that are off, and no older ones', async () => {
    const { person, secret } = await guarded();
    for (const [shift, status] of [
      [-3, 401],
      [3, 401],
      [-1, 200],
      [1, 200],
      [0, 401],
    ] as const)
      expect([shift, (await signIn(person.email, totp(secret, shift))).status]).toEqual([
        shift,
        status,
      ]);
  });

  test('takes each recovery code once, however it is written', async () => {
    const { person, recoveryCodes } = await guarded();
    const [first, second] = recoveryCodes as [string, string];
    const answers = await Promise.all([1, 2, 3].map(() => signIn(person.email, first)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    expect(
      (await signIn(person.email, ` ${second.toUpperCase().replaceAll('-', ' ')}`)).status,
    ).toBe(200);
  });

  test('a code dies after five misses, over all windows and both APIs', async () => {
    const { person, secret } = await guarded();
    const misses = await Promise.all(
      Array.from({ length: 12 }, () => signIn(person.email, 'xxxxxx')),
    );
    const codes = misses.map(({ body }) => body.errors[0]!.code);
    expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(5);
    expect(codes.filter((code) => code === 'too_many')).toHaveLength(7);
    const right = await signIn(person.email, totp(secret));
    expect([right.status, Number(right.headers.get('retry-after'))]).toEqual([
      429,
      expect.any(Number),
    ]);
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(60);
    expect((await person.get('/users/me')).status).toBe(200);
  });

  test.each<[unknown]>([[['1']], [{}], [7], [null], ['x'.repeat(500)]])(
    '%j is no code: 422',
    async (code) => {
      const { email } = await register(server.url);
      expect((await signIn(email, code)).status).toBe(422);
    },
  );
});

test('it is turned off, and its codes renewed, by the password and a code', async () => {
  const { person, secret, recoveryCodes } = await guarded();
  const program = await person.key('write');
  for (const path of ['two-factor/disable', 'two-factor/recovery-codes']) {
    const code = totp(secret);
    expect((await act(program, path, { currentPassword, code })).status).toBe(403);
    expect((await act(person, path, { currentPassword: 'wrong', code })).status).toBe(401);
    expect((await act(person, path, { currentPassword, code: 'wrong' })).status).toBe(401);
  }
  const renewed = await act(person, 'two-factor/recovery-codes', {
    currentPassword,
    code: totp(secret),
  });
  expect(renewed.status).toBe(200);
  expect((await signIn(person.email, recoveryCodes[0])).status).toBe(401);
  const [code] = renewed.body.meta.recoveryCodes as string[];
  const off = await act(person, 'two-factor/disable', { currentPassword, code });
  expect(off.body.data.attributes.twoFactorEnabled).toBe(false);
  expect((await signIn(person.email)).status).toBe(200);
});
