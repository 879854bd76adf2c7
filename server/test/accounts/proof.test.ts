import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Authenticator } from './authenticator.ts';
import { eventsOf, teamOf } from './members.ts';
import { totp } from './totp.ts';

const origin = 'http://localhost:4000';
const currentPassword = 'correct horse battery';
let server: TestServer;
let nobody: Person;
beforeAll(async () => {
  server = await startServer({
    publicUrl: origin,
    signInsPerMinute: 1_000,
    confirmation: 'optional',
  });
  nobody = new Person(server.url);
});
afterAll(() => server.stop());

const act = (person: Person, path: string, attributes: object = {}) =>
  person.post(`/users/${path}`, 'users', attributes);
const prove = (person: Person, proof: object) => act(person, 'prove', proof);
/** As if the person had signed in six minutes ago. */
const wait = (person: Person) =>
  server.query(`update sessions set proven_at = now() - interval '6 minutes' where user_id = $1`, [
    person.id,
  ]);
const outcome = ({ status, body }: Answer) => [status, body?.errors?.[0]?.code];
const refused = [403, 'proof_required'];

/** A person with a passkey, a key, and a second factor that is being set up. */
async function somebody() {
  const person = await register(server.url);
  const device = new Authenticator(origin);
  const passkey = await addPasskey(person, device);
  const key = (await makeKey(person)).body;
  const enrolled = await act(person, 'two-factor/enroll', { currentPassword });
  const secret = enrolled.body.meta.secret as string;
  return { person, device, passkey: passkey.body.data.id, key, secret };
}
const makeKey = (person: Person) =>
  person.post('/api-keys', 'api-keys', { name: 'k', scopes: ['write'] });
async function addPasskey(person: Person, device: Authenticator) {
  const { body } = await act(person, 'passkeys/challenge');
  return person.post('/passkeys', 'passkeys', {
    name: 'Laptop',
    response: device.create(body.meta.options as never),
  });
}
const challenge = async () =>
  (await act(nobody, 'passkey/challenge')).body.meta.options as { challenge: string };

describe('B1 a stolen token does not become permanent: adding, changing or removing a credential', () => {
  test('takes a fresh proof, in both APIs and for each kind, and a refresh is none', async () => {
    const { person, passkey, key, secret } = await somebody();
    const made = new Authenticator(origin).create(
      (await act(person, 'passkeys/challenge')).body.meta.options as never,
    );
    await wait(person);
    const { accessToken } = (await act(nobody, 'refresh', { refreshToken: person.refreshToken }))
      .body.meta;
    const thief = new Person(server.url, accessToken as string);
    const before = await credentialsOf(person);
    const tries = {
      'a challenge for a passkey': act(thief, 'passkeys/challenge'),
      'a passkey': thief.post('/passkeys', 'passkeys', { name: 'Mine', response: made }),
      'removing a passkey': thief.delete(`/passkeys/${passkey}`),
      'a key': makeKey(thief),
      'a key of the team': thief.post('/api-keys', 'api-keys', {
        name: 'k',
        scopes: ['write'],
        owner: 'team',
      }),
      'a key, once': thief.request('/api-keys', {
        method: 'POST',
        headers: { 'idempotency-key': 'b1' },
        body: { data: { type: 'api-keys', attributes: { name: 'k', scopes: ['write'] } } },
      }),
      'revoking a key': thief.delete(`/api-keys/${key.data.id}`),
      'turning the second factor on': act(thief, 'two-factor/enable', { code: totp(secret) }),
    };
    for (const [name, answer] of Object.entries(tries))
      expect([name, ...outcome(await answer)]).toEqual([name, ...refused]);
    const asked = await thief.graphql<{ createApiKey: { errors: { code: string }[] } }>(
      'mutation { createApiKey(input: { name: "k", scopes: ["write"] }) { errors { code } } }',
    );
    expect(asked.data.createApiKey.errors[0]!.code).toBe('proof_required');
    for (const [path, given] of [
      ['two-factor/enroll', {}],
      ['change-email', { email: 'thief@example.com' }],
      ['change-password', { password: 'another horse battery' }],
      ['delete-account', {}],
    ] as const)
      expect((await act(thief, path, { ...given, currentPassword: 'a guess' })).status).toBe(401);
    expect(await credentialsOf(person)).toEqual(before);
    // What touches no credential goes on as before.
    expect((await thief.workspace()).type).toBe('workspaces');
  });

  test('goes on once the password is given again, for five minutes', async () => {
    const { person, passkey, key, secret } = await somebody();
    await wait(person);
    expect(outcome(await prove(person, { currentPassword: 'a guess' }))).toEqual([
      401,
      'unauthenticated',
    ]);
    expect(outcome(await makeKey(person))).toEqual(refused);
    expect((await prove(person, { currentPassword })).status).toBe(204);
    expect((await makeKey(person)).status).toBe(201);
    expect((await addPasskey(person, new Authenticator(origin))).status).toBe(201);
    expect((await person.delete(`/passkeys/${passkey}`)).status).toBe(204);
    expect((await person.delete(`/api-keys/${key.data.id}`)).status).toBe(204);
    expect((await act(person, 'two-factor/enable', { code: totp(secret) })).status).toBe(200);
    await wait(person);
    expect(outcome(await makeKey(person))).toEqual(refused);
  });

  test('goes on by a passkey of the same person', async () => {
    const { person, device } = await somebody();
    const other = await somebody();
    await wait(person);
    const theirs = await prove(person, { response: other.device.get(await challenge()) });
    expect(theirs.status).toBe(422);
    const unasked = await prove(person, {
      response: device.get(await challenge(), { verified: false }),
    });
    expect(unasked.status).toBe(401);
    expect(outcome(await makeKey(person))).toEqual(refused);
    expect((await prove(person, { response: device.get(await challenge()) })).status).toBe(204);
    expect((await makeKey(person)).status).toBe(201);
  });

  test('takes the second factor where one is on: the password alone is half a proof', async () => {
    const { person, secret } = await somebody();
    expect((await act(person, 'two-factor/enable', { code: totp(secret) })).status).toBe(200);
    await server.query('update second_factors set last_step = 0 where user_id = $1', [person.id]);
    await wait(person);
    expect(outcome(await prove(person, { currentPassword }))).toEqual([422, 'invalid']);
    const password = 'another horse battery';
    const changed = await act(person, 'change-password', { currentPassword, password });
    const now = new Person(server.url, changed.body.meta.accessToken as string, person);
    expect(outcome(await makeKey(now))).toEqual(refused);
    expect((await prove(now, { code: totp(secret) })).status).toBe(204);
    expect((await makeKey(now)).status).toBe(201);
  });

  test('is proven by the session itself, not by another one or by a program', async () => {
    const { person } = await somebody();
    const program = await person.key('write');
    await wait(person);
    const { body } = await act(nobody, 'sign-in', {
      email: person.email,
      password: currentPassword,
    });
    const fresh = new Person(server.url, body.meta.accessToken as string);
    expect((await makeKey(fresh)).status).toBe(201);
    expect(outcome(await makeKey(person))).toEqual(refused);
    expect(outcome(await prove(program, { currentPassword }))).toEqual([403, 'forbidden']);
    expect((await prove(nobody, { currentPassword })).status).toBe(401);
    expect((await prove(person, {})).status).toBe(422);
  });

  test('a key that a key has made ends with it, and the log says so', async () => {
    const team = await teamOf(await register(server.url));
    const parent = (await makeKey(team)).body;
    const child = await makeKey(new Person(server.url, parent.meta.key as string));
    const grandchild = await makeKey(new Person(server.url, child.body.meta.key as string));
    const program = new Person(server.url, grandchild.body.meta.key as string);
    expect((await program.get('/workspaces')).status).toBe(200);
    expect((await team.delete(`/api-keys/${parent.data.id}`)).status).toBe(204);
    expect((await program.get('/workspaces')).status).toBe(401);
    const names = await eventsOf(server, team.team);
    expect(names.filter((name) => name === 'api-key.revoked')).toHaveLength(3);
  });
});

describe('B1 a change of the password', () => {
  const linked = (person: Person) =>
    server.query(
      `insert into accounts (id, user_id, account_id, provider_id) values (gen_random_uuid(), $1, $2, 'oidc')`,
      [person.id, person.id],
    );

  test('ends what else signs in by default, and keeps it where it is said', async () => {
    for (const keep of [false, true]) {
      const { person, device, key } = await somebody();
      await linked(person);
      const stay = { revokeApiKeys: false, revokePasskeys: false, revokeProviders: false };
      const password = 'another horse battery';
      const change = { currentPassword, password, ...(keep ? stay : {}) };
      expect((await act(person, 'change-password', change)).status).toBe(200);
      const byKey = await new Person(server.url, key.meta.key as string).get('/workspaces');
      const response = device.get(await challenge());
      const byPasskey = await act(nobody, 'passkey/sign-in', { response });
      expect([byKey.status, byPasskey.status]).toEqual(keep ? [200, 200] : [401, 401]);
      const { providers } = await credentialsOf(person);
      expect(providers).toBe(keep ? 2 : 1);
      expect((await person.get('/users/me')).status).toBe(401);
    }
  });

  test('leaves a second factor on', async () => {
    const { person, secret } = await somebody();
    await act(person, 'two-factor/enable', { code: totp(secret) });
    const password = 'another horse battery';
    await act(person, 'change-password', { currentPassword, password });
    const { status, body } = await act(nobody, 'sign-in', { email: person.email, password });
    expect([status, body.errors[0]!.code]).toEqual([401, 'second_factor_required']);
  });
});

async function credentialsOf(person: Person) {
  const [row] = await server.query<Record<string, number>>(
    `select (select count(*)::integer from passkeys where user_id = u.id) as passkeys,
       (select count(*)::integer from api_keys where user_id = u.id or owner = 'team') as keys,
       (select count(*)::integer from accounts where user_id = u.id) as providers,
       (select enabled_at::text from second_factors where user_id = u.id) as factor, email
     from users u where id = $1`,
    [person.id],
  );
  return row!;
}
