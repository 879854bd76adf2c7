import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sink, startSmtp } from '../mail/smtp.ts';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { tokenTo } from './mails.ts';

type Account = { email: string; email_verified: boolean; name: string };

/** What the provider knows, by subject; whoever signs in there is `current`. */
const accounts = new Map<string, Account>();
let current = '';
let issuer: Server;
let sink: Sink;
let server: TestServer;
let publicUrl: string;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

beforeAll(async () => {
  const [port, own] = [await freePort(), await freePort()];
  publicUrl = `http://127.0.0.1:${own}`;
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: 'kyozo',
        client_secret: 'a secret of the client',
        redirect_uris: [`${publicUrl}/api/v1/auth/callback/oidc`],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, ...accounts.get(sub)! }),
    }),
  });
  const callback = provider.callback();
  issuer = createServer(async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return callback(request, response);
    const { params, prompt, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login')
      return provider.interactionFinished(request, response, { login: { accountId: current } });
    const grant = new provider.Grant({
      accountId: session!.accountId,
      clientId: params.client_id as string,
    });
    grant.addOIDCScope('openid email profile');
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent });
  });
  issuer.listen(port, '127.0.0.1');
  await once(issuer, 'listening');
  sink = await startSmtp();
  server = await startServer({
    port: own,
    publicUrl,
    smtpUrl: sink.url,
    magicLink: true,
    providers: {
      oidc: {
        issuer: `http://127.0.0.1:${port}`,
        clientId: 'kyozo',
        clientSecret: 'a secret of the client',
        name: 'Our company',
      },
    },
  });
});
afterAll(async () => {
  await server.stop();
  await sink.close();
  issuer.closeAllConnections();
  issuer.close();
});

/** A browser that follows redirects and keeps cookies by host and port. */
class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly visited: string[] = [];

  async go(url: string, until: (url: string) => boolean): Promise<string> {
    let at = url;
    for (let hop = 0; hop < 20 && !until(at); hop++) {
      this.visited.push(at);
      const { host } = new URL(at);
      const jar = this.#cookies.get(host) ?? new Map<string, string>();
      this.#cookies.set(host, jar);
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(at, { redirect: 'manual', headers: cookie ? { cookie } : {} });
      for (const line of response.headers.getSetCookie()) {
        const [name, value] = line.split(';')[0]!.split(/=(.*)/s) as [string, string];
        if (/max-age=0/i.test(line) || value === '') jar.delete(name);
        else jar.set(name, value);
      }
      const location = response.headers.get('location');
      if (!location) return `${response.status} ${await response.text()}`;
      at = new URL(location, at).href;
    }
    return at;
  }
}

const start = () => `${publicUrl}/api/v1/auth/oidc`;
const atSignIn = (url: string) => url.startsWith(`${publicUrl}/sign-in#`);
/** Signs in at the provider as somebody; answers where the browser ends. */
function visit(subject: string, account: Account, browser = new Browser()): Promise<string> {
  accounts.set(subject, account);
  current = subject;
  return browser.go(start(), atSignIn);
}
const tokenIn = (url: string) => /#token=([\w-]{43})$/.exec(url)?.[1] ?? url;
const signIn = (token: string, code?: string) =>
  new Person(server.url).post('/users/oauth/sign-in', 'users', { token, code });

test('the ways to sign in are told to anyone, and settings turn them on', async () => {
  const { body } = await new Person(server.url).get('/sign-in-methods');
  expect(body.meta).toEqual({
    password: true,
    magicLink: true,
    passkeys: false,
    confirmation: 'optional',
    providers: [{ id: 'oidc', name: 'Our company', url: start() }],
  });
  const plain = await startServer();
  const none = await new Person(plain.url).get('/sign-in-methods');
  expect(none.body.meta).toMatchObject({ magicLink: false, providers: [] });
  const off = new Person(plain.url);
  for (const [path, attributes] of [
    ['magic-link', { email: 'ann@example.com' }],
    ['magic-link/sign-in', { token: 'x' }],
  ] as const)
    expect((await off.post(`/users/${path}`, 'users', attributes)).status).toBe(404);
  for (const id of ['oidc', 'google', 'apple', 'x'])
    expect((await off.fetch(`/auth/${id}`, {})).status).toBe(404);
  await plain.stop();
});

describe('by a provider', () => {
  test('a new person gets an account, and comes back to the same one', async () => {
    const account = { email: 'new@example.com', email_verified: true, name: 'New' };
    const browser = new Browser();
    const end = await visit('new', account, browser);
    const asked = new URL(browser.visited[1]!);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      code_challenge_method: 'S256',
      nonce: expect.any(String),
      state: expect.any(String),
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => signIn(tokenIn(end))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(401)]);
    const { body } = answers.find(({ status }) => status === 200)!;
    expect(body.data.attributes).toMatchObject({ name: 'New', emailVerified: true });
    const again = await signIn(tokenIn(await visit('new', account)));
    expect(again.body.data.id).toBe(body.data.id);
    const [kept] = await server.query(
      `select access_token, refresh_token, id_token from accounts where account_id = 'new'`,
    );
    expect(kept).toEqual({ access_token: null, refresh_token: null, id_token: null });
    // better-auth's own sessions do not outlive the redirect.
    expect(
      await server.query(
        'select 1 from sessions s where not exists (select from refresh_tokens r where r.session_id = s.id)',
      ),
    ).toEqual([]);
  });

  test('an account is linked only when the address is verified on both sides', async () => {
    for (const [here, there] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const ann = await register(server.url);
      await server.query('update users set email_verified = $2 where id = $1', [ann.id, here]);
      const end = await visit(`link-${here}-${there}`, {
        email: ann.email,
        email_verified: there,
        name: 'Ann',
      });
      if (here && there) expect((await signIn(tokenIn(end))).body.data.id).toBe(ann.id);
      else expect(end).toBe(`${publicUrl}/sign-in#error=account_not_linked`);
      const linked = await server.query(
        `select 1 from accounts where user_id = $1 and provider_id = 'oidc'`,
        [ann.id],
      );
      expect(linked).toHaveLength(here && there ? 1 : 0);
    }
  });

  test('a callback of another browser, a forged one, and one a second time end at an error', async () => {
    accounts.set('eve', { email: 'eve@example.com', email_verified: true, name: 'Eve' });
    current = 'eve';
    const victim = new Browser();
    const attacker = new Browser();
    const callback = await attacker.go(start(), (url) => url.includes('/auth/callback/oidc'));
    expect(tokenIn(await victim.go(callback, atSignIn))).toBe(
      `${publicUrl}/sign-in#error=state_mismatch`,
    );
    const forged = new URL(callback);
    forged.searchParams.set('state', 'x'.repeat(32));
    expect(await attacker.go(forged.href, atSignIn)).toContain('#error=');
    for (const query of ['', '?error=access_denied', '?code=x&state=', '?code=x&state=%00'])
      expect(
        await attacker.go(`${publicUrl}/api/v1/auth/callback/oidc${query}`, atSignIn),
      ).toContain('/sign-in#error=');
  });

  test('nothing in a request chooses where it ends, and nothing else of better-auth is served', async () => {
    const browser = new Browser();
    current = 'eve';
    const end = await browser.go(
      `${start()}?callbackURL=https://evil.example&redirect=https://evil.example`,
      atSignIn,
    );
    expect(end.startsWith(`${publicUrl}/sign-in#token=`)).toBe(true);
    for (const path of ['sign-in/email', 'get-session', 'sign-up/email', 'ok', 'done', 'error'])
      expect((await fetch(`${publicUrl}/api/v1/auth/${path}`)).status).toBe(404);
  });
});

describe('by a magic link', () => {
  const person = () => new Person(server.url);
  const ask = (email: string) => person().post('/users/magic-link', 'users', { email });
  const enter = (token: string) => person().post('/users/magic-link/sign-in', 'users', { token });

  test('the link signs in once, for ten minutes', async () => {
    const ann = await register(server.url);
    await server.query('update users set email_verified = true where id = $1', [ann.id]);
    expect((await ask(ann.email)).status).toBe(202);
    expect((await ask('nobody@example.com')).status).toBe(202);
    const token = await tokenTo(sink, ann.email, 'magic-link');
    const answers = await Promise.all(Array.from({ length: 50 }, () => enter(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(49).fill(401)]);
    expect(answers.find(({ status }) => status === 200)!.body.data.id).toBe(ann.id);
    await ask(ann.email);
    const late = await tokenTo(sink, ann.email, 'magic-link');
    await server.query(`update one_time_tokens set expires_at = now() - interval '1 second'`);
    expect((await enter(late)).status).toBe(401);
    expect(sink.received.flatMap(({ to }) => to)).not.toContain('nobody@example.com');
  });
});
