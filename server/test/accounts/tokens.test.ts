import { createDecipheriv, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const me = async (token: string) => (await new Person(server.url, token).get('/users/me')).status;
const refresh = (refreshToken: unknown) =>
  new Person(server.url).post('/users/refresh', 'users', { refreshToken });
const signIn = async (email: string) => {
  const attributes = { email, password: 'correct horse battery' };
  const { body } = await new Person(server.url).post('/users/sign-in', 'users', attributes);
  return body.meta as { accessToken: string; refreshToken: string };
};

describe('refresh tokens', () => {
  const notices = (person: Person) =>
    server.query<{ kind: string; data: { ipAddress: string } }>(
      'select kind, data from notifications where user_id = $1',
      [person.id],
    );
  /** As if the tokens of a person had been used that long ago. */
  const wait = (person: Person, seconds: number) =>
    server.query(
      `update refresh_tokens set used_at = used_at - make_interval(secs => $2)
       where session_id in (select id from sessions where user_id = $1)`,
      [person.id, seconds],
    );
  const elsewhere = (refreshToken: unknown) =>
    new Person(server.url).request('/users/refresh', {
      method: 'POST',
      headers: { 'user-agent': 'Elsewhere/1.0' },
      body: { data: { type: 'users', attributes: { refreshToken } } },
    });
  const told = [{ kind: 'security.refresh-reuse', data: { ipAddress: '127.0.0.1' } }];

  test('C1 within 30 s the last one answers with the very same new pair, and nobody is alarmed', async () => {
    const ann = await register(server.url);
    const first = await refresh(ann.refreshToken);
    expect(first.status).toBe(200);
    expect(first.body.meta.refreshToken).not.toBe(ann.refreshToken);
    await wait(ann, 28);
    const again = await refresh(ann.refreshToken);
    expect([again.status, again.body.meta]).toEqual([200, first.body.meta]);
    expect(again.body.data.id).toBe(ann.id);
    expect([await me(ann.token!), await me(first.body.meta.accessToken as string)]).toEqual([
      200, 200,
    ]);
    expect((await refresh(first.body.meta.refreshToken)).status).toBe(200);
    expect(await notices(ann)).toEqual([]);
  });

  test('C1 one that was used over 30 s ago ends the family, down to the newest access token', async () => {
    const ann = await register(server.url);
    const { accessToken, refreshToken } = (await refresh(ann.refreshToken)).body.meta;
    const other = await signIn(ann.email);
    await wait(ann, 31);
    expect((await refresh(ann.refreshToken)).status).toBe(401);
    expect([await me(ann.token!), await me(accessToken as string)]).toEqual([401, 401]);
    expect((await refresh(refreshToken)).status).toBe(401);
    expect(await me(other.accessToken)).toBe(200);
    expect(await notices(ann)).toMatchObject(told);
  });

  test('C1 one that comes from elsewhere, or is two generations old, ends the family at once', async () => {
    const ann = await register(server.url);
    await refresh(ann.refreshToken);
    expect((await elsewhere(ann.refreshToken)).status).toBe(401);
    expect(await me(ann.token!)).toBe(401);
    expect(await notices(ann)).toMatchObject(told);

    const bob = await register(server.url);
    const { body } = await refresh(bob.refreshToken);
    await refresh(body.meta.refreshToken);
    expect((await refresh(bob.refreshToken)).status).toBe(401);
    expect(await me(bob.token!)).toBe(401);
    expect(await notices(bob)).toMatchObject(told);
  });

  test('C1 a first use may come from elsewhere: people travel', async () => {
    const ann = await register(server.url);
    expect((await elsewhere(ann.refreshToken)).status).toBe(200);
    expect(await me(ann.token!)).toBe(200);
  });

  test('C1 a hundred at once answer one and the same pair, and the family goes on', async () => {
    const ann = await register(server.url);
    const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(ann.refreshToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.meta))).size).toBe(1);
    const family = await server.query(
      `select used_at is null as good from refresh_tokens
       where session_id in (select id from sessions where user_id = $1) order by good`,
      [ann.id],
    );
    expect(family).toEqual([{ good: false }, { good: true }]);
    expect((await refresh(answers[0]!.body.meta.refreshToken)).status).toBe(200);
    expect(await notices(ann)).toEqual([]);
  });

  test('whoever uses an old one many times over is told once', async () => {
    const ann = await register(server.url);
    await refresh(ann.refreshToken);
    await wait(ann, 31);
    await Promise.all(Array.from({ length: 20 }, () => refresh(ann.refreshToken)));
    expect(await notices(ann)).toMatchObject(told);
  });

  test('one that has expired is refused and ends nothing', async () => {
    const ann = await register(server.url);
    await server.query(`update refresh_tokens set expires_at = now() - interval '1 second'
      where session_id in (select id from sessions where user_id = '${ann.id}')`);
    expect((await refresh(ann.refreshToken)).status).toBe(401);
    expect(await me(ann.token!)).toBe(200);
  });

  test.each<[unknown, number]>([
    ['nonsense', 401],
    ['', 401],
    [null, 422],
    [['a'], 422],
    ['x'.repeat(5_000), 422],
  ])('%j → %i', async (token, status) => {
    expect((await refresh(token)).status).toBe(status);
  });

  test('none is stored as it is, and a pair is kept only until its successor is used', async () => {
    const ann = await register(server.url);
    const { accessToken, refreshToken } = (await refresh(ann.refreshToken)).body.meta;
    const rows = () =>
      server.query<{ hash: Buffer; sealed_pair: Buffer | null }>(
        `select hash, sealed_pair from refresh_tokens
         where session_id in (select id from sessions where user_id = $1)`,
        [ann.id],
      );
    const kept = await rows();
    expect(kept.map(({ hash }) => hash.length)).toEqual([32, 32]);
    expect(kept.filter(({ sealed_pair: pair }) => pair)).toHaveLength(1);
    const bytes = Buffer.concat(kept.flatMap((row) => [row.hash, row.sealed_pair ?? Buffer.of()]));
    for (const secret of [ann.refreshToken, accessToken, refreshToken] as string[]) {
      expect(bytes.includes(secret)).toBe(false);
      expect(bytes.includes(Buffer.from(secret, 'base64url'))).toBe(false);
    }
    await refresh(refreshToken);
    expect((await rows()).filter(({ sealed_pair: pair }) => pair)).toHaveLength(1);
  });
});

test('signing out ends access at once, here and nowhere else', async () => {
  const ann = await register(server.url);
  const other = await signIn(ann.email);
  expect(await me(ann.token!)).toBe(200);
  expect((await ann.post('/users/sign-out', 'users')).status).toBe(204);
  expect(await me(ann.token!)).toBe(401);
  expect((await refresh(ann.refreshToken)).status).toBe(401);
  expect(await me(other.accessToken)).toBe(200);
});

test('the public key is published, and nothing else of it', async () => {
  const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as {
    keys: JWK[];
  };
  expect(keys).toHaveLength(1);
  expect(Object.keys(keys[0]!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  expect(keys[0]).toMatchObject({ alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519', use: 'sig' });
});

describe('access tokens', () => {
  let ann: Person;
  let key: { kid: string; secret: CryptoKey; publicKey: KeyObject; jwk: JWK };
  let claims: Record<string, unknown>;
  beforeAll(async () => {
    ann = await register(server.url);
    key = await signingKey();
    claims = JSON.parse(Buffer.from(ann.token!.split('.')[1]!, 'base64url').toString());
  });

  const sign = (payload: Record<string, unknown>, header: object = {}) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, typ: 'JWT', ...header })
      .sign(key.secret);

  test('what this test signs like the server is accepted, so that refusals mean something', async () => {
    expect(await me(await sign(claims))).toBe(200);
  });

  test.each<[string, Record<string, unknown>]>([
    ['expired', { exp: 1_700_000_000 }],
    ['without an end', { exp: undefined }],
    ['not valid yet', { nbf: 4_000_000_000 }],
    ['of another issuer', { iss: 'other' }],
    ['for another audience', { aud: 'other' }],
    ['without a person', { sub: undefined }],
    ['without a session', { sid: undefined }],
    ["of another person's session", { sub: '01890a5d-ac96-774b-bcce-b302099a8057' }],
    ['of no session', { sid: '01890a5d-ac96-774b-bcce-b302099a8057' }],
  ])('well signed but %s → 401', async (_name, change) => {
    expect(await me(await sign({ ...claims, ...change }))).toBe(401);
  });

  test('alg none and HS256 with the public key, in every spelling, are refused', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const secrets = [pem, pem.trim(), ` ${pem}`, pem.replaceAll('\n', '\r\n'), key.jwk.x!];
    for (const alg of ['none', 'None', 'NONE', ''])
      expect(await me(`${part({ alg, kid: key.kid })}.${part(claims)}.`)).toBe(401);
    for (const secret of [
      ...secrets.map((text) => Buffer.from(text)),
      Buffer.from(key.jwk.x!, 'base64url'),
    ]) {
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: key.kid })
        .sign(
          new Uint8Array(Buffer.concat([secret, Buffer.alloc(Math.max(0, 32 - secret.length))])),
        );
      expect(await me(forged)).toBe(401);
    }
  });

  test('a key that the token brings along is not used', async () => {
    const { generateKeyPair, exportJWK } = await import('jose');
    const pair = await generateKeyPair('EdDSA', { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    for (const header of [{ jwk }, { jku: 'http://127.0.0.1:1/' }, { kid: '../../dev/null' }]) {
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, ...header })
        .sign(pair.privateKey);
      expect(await me(forged)).toBe(401);
    }
  });

  test('no character can be changed: 500 seeded flips', async () => {
    let state = 500;
    const next = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=';
    for (let round = 0; round < 500; round++) {
      // The last characters come up often: their spare bits carry nothing.
      const at = next(4) === 0 ? ann.token!.length - 1 : next(ann.token!.length);
      const letter = letters[next(letters.length)]!;
      if (letter === ann.token![at]) continue;
      const flipped = ann.token!.slice(0, at) + letter + ann.token!.slice(at + 1);
      expect([flipped, await me(flipped)]).toEqual([flipped, 401]);
    }
    expect(await me(ann.token!)).toBe(200);
  });

  test('a token that is valid twice over, or padded, is not', async () => {
    for (const wrong of [`${ann.token}=`, `${ann.token}.`, `${ann.token}.x`, `x.${ann.token}`])
      expect([wrong, await me(wrong)]).toEqual([wrong, 401]);
  });
});

/** Unseals the server's own key, with the secret that this test gave it. */
async function signingKey() {
  const [row] = await server.query<{ id: string; sealed: Buffer; jwk: JWK }>(
    'select id, sealed_private_key as sealed, public_key as jwk from signing_keys',
  );
  const { id, sealed, jwk } = row!;
  const wrapping = Buffer.from(
    hkdfSync('sha256', server.config.secretKey, '', 'kyozo signing keys', 32),
  );
  const decipher = createDecipheriv('aes-256-gcm', wrapping, sealed.subarray(0, 12));
  decipher.setAuthTag(sealed.subarray(12, 28));
  const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
  const secret = (await importJWK(JSON.parse(text.toString()), 'EdDSA')) as CryptoKey;
  const publicKey = createPublicKey({ key: jwk as never, format: 'jwk' });
  return { kid: id, secret, publicKey, jwk };
}
