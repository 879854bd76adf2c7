import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, type RecordObject } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let nobody: Person;
beforeAll(async () => {
  server = await startServer();
  nobody = new Person(server.url);
});
afterAll(() => server.stop());

const password = 'correct horse battery';
const address = () => `${randomBytes(6).toString('hex')}@example.com`;
const register = (attributes: object) => nobody.post('/users/register', 'users', attributes);
const signIn = (email: unknown, secret: unknown) =>
  nobody.post('/users/sign-in', 'users', { email, password: secret });
const count = async (table: string) =>
  Number((await server.query<{ count: string }>(`select count(*) from ${table}`))[0]!.count);

test('registration answers the user, a pair of tokens, and has made one personal team', async () => {
  const email = address();
  const { status, body, headers } = await register({ name: '  Ann  ', email, password });
  expect(status).toBe(201);
  expect(headers.get('location')).toBe(`/api/v1/users/${body.data.id}`);
  expect(body.data).toMatchObject({ type: 'users', attributes: { name: 'Ann', email } });
  expect(Object.keys(body.meta).sort()).toEqual(['accessToken', 'expiresIn', 'refreshToken']);
  const ann = new Person(server.url, body.meta.accessToken as string);
  const teams = await ann.get<RecordObject[]>('/teams');
  expect(teams.body.data.map((team) => team.attributes.personal)).toEqual([true]);
  const members = await ann.get<RecordObject[]>('/user-teams');
  expect(members.body.data.map((member) => member.attributes.role)).toEqual(['owner']);
  const events = await ann.get<RecordObject[]>('/events');
  expect(events.body.data.map((event) => event.attributes.name).sort()).toEqual([
    'team.created',
    'user-team.created',
    'user.registered',
  ]);
  expect(JSON.stringify(events.body)).not.toContain('password');
});

describe('bad input is 422 with its pointer, and makes nothing', () => {
  const long = 'x'.repeat(300);
  test.each<[string, Record<string, unknown>, string]>([
    ['no e-mail', { email: undefined }, '/data'],
    ['e-mail null', { email: null }, 'email'],
    ['e-mail as an array', { email: ['a@example.com'] }, 'email'],
    ['two e-mails', { email: ['a@example.com', 'b@example.com'] }, 'email'],
    ['e-mail as an object', { email: { $ne: '' } }, 'email'],
    ['e-mail as a number', { email: 7 }, 'email'],
    ['e-mail without an at', { email: 'ann.example.com' }, 'email'],
    ['a list in one text', { email: 'a@example.com,b@example.com' }, 'email'],
    ['a header in the e-mail', { email: 'a@example.com\r\nBcc: b@example.com' }, 'email'],
    ['a full-width at', { email: 'ann＠example.com' }, 'email'],
    ['a double dot', { email: 'ann..b@example.com' }, 'email'],
    ['a domain that ends with a dot', { email: 'ann@example.com.' }, 'email'],
    ['NUL in the e-mail', { email: 'ann\0@example.com' }, 'email'],
    ['an e-mail of 300 characters', { email: `${long}@example.com` }, 'email'],
    ['name empty', { name: '' }, 'name'],
    ['name blank', { name: ' \t ' }, 'name'],
    ['name as an object', { name: {} }, 'name'],
    ['name too long', { name: long }, 'name'],
    ['name with half a pair', { name: '\ud800' }, 'name'],
    ['password as an array', { password: ['correct horse'] }, 'password'],
    ['password as a boolean', { password: true }, 'password'],
    ['password too short', { password: '1234567' }, 'password'],
    ['password too long', { password: long }, 'password'],
    ['password with NUL', { password: 'correct\0horse' }, 'password'],
    ['an id of its own', { id: 'x' }, 'id'],
    ['a verified address', { emailVerified: true }, 'emailVerified'],
  ])('%s', async (_name, change, at) => {
    const before = [await count('users'), await count('teams'), await count('events')];
    const answer = await register({ name: 'Ann', email: address(), password, ...change });
    expect(answer.status).toBe(422);
    const pointer = at.startsWith('/') ? at : `/data/attributes/${at}`;
    expect(answer.body.errors.map((error) => error.source)).toEqual([{ pointer }]);
    expect([await count('users'), await count('teams'), await count('events')]).toEqual(before);
  });
});

test.each(['{}', '[]', '"x"', '7', 'null', '{"data":null}', '{"data":{"attributes":[]}}'])(
  'a body of %s is refused',
  async (raw) => {
    const headers = { 'content-type': 'application/vnd.api+json' };
    const { status } = await nobody.request('/users/register', { method: 'POST', headers, raw });
    expect([400, 422]).toContain(status);
  },
);

test('an address is taken in any case, and a look-alike that folds to it is refused', async () => {
  const email = `kate-${address()}`;
  expect((await register({ name: 'Kate', email, password })).status).toBe(201);
  for (const same of [email, email.toUpperCase()]) {
    const again = await register({ name: 'Other', email: same, password: 'another password' });
    expect(again.status).toBe(409);
    expect(again.body.errors[0]!.source).toEqual({ pointer: '/data/attributes/email' });
  }
  const kelvin = email.replace('k', '\u212a');
  expect(kelvin.toLowerCase()).toBe(email);
  expect((await register({ name: 'Other', email: kelvin, password })).status).toBe(422);
  expect((await signIn(kelvin, password)).status).toBe(422);
  expect((await signIn(email.toUpperCase(), password)).status).toBe(200);
  expect((await signIn(email, 'another password')).status).toBe(401);
});

test('ten registrations of one address at once make one account', async () => {
  const email = address();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => register({ name: 'Ann', email, password })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
  expect(await server.query('select 1 from users where email = $1', [email])).toHaveLength(1);
});

test('signing in finishes a registration that was cut off before its team was made, once', async () => {
  const email = address();
  const { body } = await register({ name: 'Ann', email, password });
  await server.query(
    'delete from teams where id in (select team_id from user_teams where user_id = $1)',
    [body.data.id],
  );
  const answers = await Promise.all([1, 2, 3].map(() => signIn(email, password)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  const person = new Person(server.url, answers[0]!.body.meta.accessToken as string);
  const teams = await person.get<RecordObject[]>('/teams');
  expect(teams.body.data.map((team) => team.attributes.personal)).toEqual([true]);
  expect((await person.workspace()).type).toBe('workspaces');
});

describe('every character of a password counts', () => {
  test.each([
    ['a long one', 'x'.repeat(127)],
    ['one of emoji', '🐎'.repeat(63)],
    ['one of combining marks', `correct horse ${'e\u0301'.repeat(40)}`],
  ])('%s', async (_name, start) => {
    const email = address();
    expect((await register({ name: 'Ann', email, password: `${start}a` })).status).toBe(201);
    expect((await signIn(email, `${start}b`)).status).toBe(401);
    expect((await signIn(email, start)).status).toBe(401);
    expect((await signIn(email, `${start}a`)).status).toBe(200);
    expect((await signIn(email, `${start}a`.normalize('NFC'))).status).toBe(200);
  });
});

test('a wrong password and an unknown address get the same answer', async () => {
  const email = address();
  await register({ name: 'Ann', email, password });
  const wrong = await signIn(email, 'wrong horse battery');
  const unknown = await signIn(address(), password);
  expect(wrong.status).toBe(401);
  expect(unknown.body).toEqual(wrong.body);
  const names = (headers: Headers) => [...headers.keys()].sort();
  expect(names(unknown.headers)).toEqual(names(wrong.headers));
});

test.each<[unknown, unknown]>([
  [['a@example.com'], password],
  [{ email: 'a@example.com' }, password],
  ['a@example.com', [password]],
  ['a@example.com', null],
  ['a@example.com', { $gt: '' }],
  ['a@example.com', 'x'.repeat(2_000)],
])('sign-in with %j and %j is 422', async (email, secret) => {
  expect((await signIn(email, secret)).status).toBe(422);
});
