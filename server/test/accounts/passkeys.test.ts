import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Authenticator } from './authenticator.ts';

const origin = 'http://localhost:4000';
let server: TestServer;
let nobody: Person;
let ann: Person;
let device: Authenticator;

beforeAll(async () => {
  server = await startServer({ publicUrl: origin });
  nobody = new Person(server.url);
  ann = await register(server.url, 'Ann');
  device = new Authenticator(origin);
  expect((await add(ann, device.create(await newChallenge(ann)))).status).toBe(201);
});
afterAll(() => server.stop());

type Options = { challenge: string; user: { id: string } };
const newChallenge = async (person: Person) =>
  (await person.post('/users/passkeys/challenge', 'users')).body.meta.options as Options;
const challenge = async () =>
  (await nobody.post('/users/passkey/challenge', 'users')).body.meta.options as Options;
const add = (person: Person, response: object, name = 'Laptop') =>
  person.post('/passkeys', 'passkeys', { name, response });
const signIn = (response: unknown) => nobody.post('/users/passkey/sign-in', 'users', { response });

test('a passkey signs in, each time anew', async () => {
  for (let round = 0; round < 2; round++) {
    const answer = await signIn(device.get(await challenge()));
    expect([answer.status, answer.body.data.id]).toEqual([200, ann.id]);
    const back = new Person(server.url, answer.body.meta.accessToken as string);
    expect((await back.get('/users/me')).status).toBe(200);
  }
  const { body } = await ann.get<RecordObject[]>('/passkeys');
  expect(body.data).toHaveLength(1);
  expect(body.data[0]!.attributes).toEqual({
    name: 'Laptop',
    insertedAt: expect.any(String),
    lastUsedAt: expect.any(String),
  });
});

describe('what does not sign in', () => {
  test('an answer that was used', async () => {
    const response = device.get(await challenge());
    const answers = await Promise.all(Array.from({ length: 20 }, () => signIn(response)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(401)]);
    expect((await signIn(response)).status).toBe(401);
  });

  test('an answer after five minutes', async () => {
    const response = device.get(await challenge());
    await server.query(`update passkey_challenges set expires_at = now() - interval '1 second'`);
    expect((await signIn(response)).status).toBe(401);
  });

  test.each<[string, Parameters<Authenticator['get']>[1]]>([
    ['an answer for another origin', { origin: 'https://evil.example' }],
    ['an answer for another port', { origin: 'http://localhost:4001' }],
    ['an answer for another host', { host: 'evil.example' }],
    ['one by a device that did not ask who holds it', { verified: false }],
    ['one meant for registration', { type: 'webauthn.create' }],
    ['one by a copy, whose counter stands behind', { counter: 1 }],
  ])('%s', async (_name, lies) => {
    const answer = await signIn(device.get(await challenge(), lies));
    expect([answer.status, answer.body.errors[0]!.detail]).toEqual([
      401,
      'The passkey was not accepted.',
    ]);
  });

  test('an answer to no challenge, or to one that was for a new passkey', async () => {
    const made = { challenge: Buffer.alloc(32, 7).toString('base64url') };
    expect((await signIn(device.get(made))).status).toBe(401);
    expect((await signIn(device.get(await newChallenge(ann)))).status).toBe(401);
  });

  test("a passkey that says it is somebody else's, and one that nobody knows", async () => {
    const bob = await register(server.url, 'Bob');
    const { user } = await newChallenge(bob);
    const own = device.userHandle;
    device.userHandle = user.id;
    expect((await signIn(device.get(await challenge()))).status).toBe(401);
    device.userHandle = own;
    expect((await signIn(new Authenticator(origin).get(await challenge()))).status).toBe(401);
    expect((await signIn(device.get(await challenge()))).status).toBe(200);
  });

  test.each([{}, { id: 7 }, { id: ['x'] }, { id: 'x', response: null }, { id: '\0' }, []])(
    '%j',
    async (response) => {
      expect([401, 422]).toContain((await signIn(response)).status);
    },
  );
});

describe('what is not kept', () => {
  test("an answer to somebody else's challenge, or to one for signing in", async () => {
    const bob = await register(server.url, 'Bob');
    const fresh = new Authenticator(origin);
    expect((await add(bob, fresh.create(await newChallenge(ann)))).status).toBe(422);
    const { user } = await newChallenge(bob);
    expect((await add(bob, fresh.create({ ...(await challenge()), user }))).status).toBe(422);
    expect((await bob.get<RecordObject[]>('/passkeys')).body.data).toEqual([]);
  });

  test('a second passkey by one answer, and a passkey that somebody has', async () => {
    const response = new Authenticator(origin).create(await newChallenge(ann));
    expect((await add(ann, response)).status).toBe(201);
    expect((await add(ann, response)).status).toBe(422);
    const bob = await register(server.url, 'Bob');
    expect((await add(bob, device.create(await newChallenge(bob)))).status).toBe(409);
    device.userHandle = Buffer.from(ann.id.replaceAll('-', ''), 'hex').toString('base64url');
  });

  test('anything by a key', async () => {
    const program = await ann.key('write');
    expect((await program.post('/users/passkeys/challenge', 'users')).status).toBe(403);
    const response = new Authenticator(origin).create(await newChallenge(ann));
    expect((await add(program, response)).status).toBe(403);
    const [first] = (await program.get<RecordObject[]>('/passkeys')).body.data;
    expect((await program.delete(`/passkeys/${first!.id}`)).status).toBe(403);
  });
});

test('it is renamed and removed by its person alone, and then signs in no more', async () => {
  const eve = await register(server.url, 'Eve');
  const own = new Authenticator(origin);
  const made = (await add(eve, own.create(await newChallenge(eve)))).body.data;
  expect((await ann.get(`/passkeys/${made.id}`)).status).toBe(404);
  expect((await ann.patch(`/passkeys/${made.id}`, made, { name: 'Mine' })).status).toBe(404);
  expect((await ann.delete(`/passkeys/${made.id}`)).status).toBe(404);
  const renamed = await eve.patch(`/passkeys/${made.id}`, made, { name: 'Phone' });
  expect(renamed.body.data.attributes.name).toBe('Phone');
  expect((await eve.delete(`/passkeys/${made.id}`)).status).toBe(204);
  expect((await signIn(own.get(await challenge()))).status).toBe(401);
});
