import { generateKeyPairSync } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { decodeProtectedHeader, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from '../../src/main.ts';
import { kyozo } from '../start/process.ts';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const me = async (token: string, url = server.url) =>
  (await new Person(url, token).get('/users/me')).status;
const kids = async (url = server.url) => {
  const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: JWK[] };
  return keys.map(({ kid }) => kid);
};
const another = async (name: string) => {
  const dataDir = `${server.dataDir}/${name}`;
  await mkdir(dataDir);
  return serve({ ...server.config, dataDir });
};
const rotate = () =>
  kyozo(['keys', 'rotate'], {
    DATABASE_URL: server.databaseUrl,
    SECRET_KEY: server.config.secretKey,
    DATA_DIR: server.dataDir,
  });

test('a new key signs, the old one verifies on, and another node hears of it by the first token', async () => {
  const other = await another('other');
  try {
    const ann = await register(server.url);
    const before = await kids();
    expect(before).toHaveLength(1);
    expect(await rotate()).toMatchObject({ code: 0, stderr: '' });
    const third = await another('third');
    const bob = await register(third.url);
    const kid = decodeProtectedHeader(bob.token!).kid!;
    expect(before).not.toContain(kid);
    expect([await me(bob.token!), await me(bob.token!, other.url)]).toEqual([200, 200]);
    expect([await me(ann.token!), await me(ann.token!, third.url)]).toEqual([200, 200]);
    expect((await kids(third.url)).sort()).toEqual([...before, kid].sort());
    await third.stop();
  } finally {
    await other.stop();
  }
});

test('a kid that is not ours, another’s kid, and keys from elsewhere are refused', async () => {
  const ann = await register(server.url);
  const claims = JSON.parse(Buffer.from(ann.token!.split('.')[1]!, 'base64url').toString());
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' });
  const [kid] = await kids();
  for (const header of [
    { kid },
    { kid: 'nobody' },
    {},
    { kid, jwk },
    { kid, jku: `${server.url}/.well-known/jwks.json` },
    { kid, x5u: 'http://127.0.0.1:1/' },
    { kid: "' or 1=1 --" },
    { kid: '__proto__' },
  ]) {
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', ...header } as never)
      .sign(privateKey);
    expect([header, await me(forged)]).toEqual([header, 401]);
  }
  expect(await me(ann.token!)).toBe(200);
});

test('a thousand requests of two people never see each other’s claims', async () => {
  const [ann, bob] = [await register(server.url), await register(server.url)];
  const seen = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) => {
      const person = index % 2 === 0 ? ann : bob;
      return (await person.get('/users/me')).body.data.id === person.id;
    }),
  );
  expect(seen.filter(Boolean)).toHaveLength(1_000);
});

test('a retired key ends when the last of its tokens has', async () => {
  const rows = await server.query<{ seconds: number | null }>(
    'select extract(epoch from expires_at - retired_at)::integer as seconds from signing_keys order by inserted_at',
  );
  // An access token's time, and an hour in which a node may still sign with it.
  expect(rows.map(({ seconds }) => seconds)).toEqual([server.config.accessTtl + 3_600, null]);
  const ann = await register(server.url);
  const used = decodeProtectedHeader(ann.token!).kid!;
  await server.query(
    `update signing_keys set retired_at = now(), expires_at = now() - interval '1 second' where id = $1`,
    [used],
  );
  const fresh = await another('fresh');
  expect(await kids(fresh.url)).not.toContain(used);
  expect(await me(ann.token!, fresh.url)).toBe(401);
  await fresh.stop();
});
