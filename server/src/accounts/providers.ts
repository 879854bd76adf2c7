import { betterAuth } from 'better-auth';
import { genericOAuth } from 'better-auth/plugins';
import { v7 as uuidv7 } from 'uuid';
import type { Config } from '../config.ts';
import type { Queue } from '../jobs/queue.ts';
import type { AuthDatabase } from './auth-database.ts';
import { mintToken } from './one-time-tokens.ts';
import { findPerson } from './passwords.ts';

/** Where better-auth's two routes lie; of all that it could serve, these are served. */
export const providersPath = '/api/v1/auth';

type Settings = Pick<Config, 'publicUrl' | 'secretKey' | 'providers'>;
type Provider = { id: 'google' | 'apple' | 'oidc'; name: string };
/** A redirect of the browser, with the cookies that tie the state to it. */
export type Redirect = { location: string; cookies: string[] };

/** Names of failures that a page may know; anything else is `failed`. */
const failures = new Set([
  'access_denied',
  'account_not_linked',
  'email_not_found',
  'state_mismatch',
]);

/** Signing in by what another server says: OAuth 2 and OpenID Connect, by better-auth. */
export class Providers {
  readonly #auth: AuthDatabase;
  readonly #queue: Queue;
  readonly #publicUrl: string;
  readonly #better: ReturnType<typeof createBetterAuth>;
  readonly list: readonly Provider[];

  constructor(auth: AuthDatabase, queue: Queue, settings: Settings) {
    this.#auth = auth;
    this.#queue = queue;
    this.#publicUrl = settings.publicUrl;
    this.#better = createBetterAuth(auth, settings);
    const { google, apple, oidc } = settings.providers;
    this.list = [
      ...(google ? [{ id: 'google' as const, name: 'Google' }] : []),
      ...(apple ? [{ id: 'apple' as const, name: 'Apple' }] : []),
      ...(oidc ? [{ id: 'oidc' as const, name: oidc.name }] : []),
    ];
  }

  /** Where a browser goes to sign in: state, PKCE and nonce are better-auth's. */
  async start(id: string): Promise<Redirect | undefined> {
    const provider = this.list.find((it) => it.id === id);
    if (!provider) return undefined;
    const done = `${this.#publicUrl}${providersPath}/done`;
    const { headers, response } = await this.#better.api.signInSocial({
      body: {
        provider: provider.id as 'google',
        callbackURL: done,
        errorCallbackURL: done,
        disableRedirect: true,
      },
      returnHeaders: true,
    });
    return { location: response.url!, cookies: headers.getSetCookie() };
  }

  /**
   * Takes the provider's answer. Ends at the sign-in page, with a token in the fragment that signs in
   * once, or with the name of a failure. Nothing in the request chooses where it leads.
   */
  async finish(request: Request): Promise<Redirect> {
    const response = await this.#better.handler(request);
    const cookies = response.headers.getSetCookie();
    const location = response.headers.get('location');
    // A provider that answers by a form (Apple) is sent on to the same route, where cookies come along.
    if (
      request.method === 'POST' &&
      location?.startsWith(`${this.#publicUrl}${providersPath}/callback/`)
    )
      return { location, cookies };
    const session = cookies.find((cookie) => cookie.includes('session_token='));
    const token = session && /session_token=([^;.]+)/.exec(session)?.[1];
    if (token)
      return { location: await this.#ticket(decodeURIComponent(token)), cookies: stateOf(cookies) };
    const named = location && new URL(location, this.#publicUrl).searchParams.get('error');
    const failure = named && failures.has(named) ? named : 'failed';
    return { location: `${this.#publicUrl}/sign-in#error=${failure}`, cookies: stateOf(cookies) };
  }

  /** better-auth's session is traded at once for a token of ours; second factors are asked for with it. */
  async #ticket(sessionToken: string): Promise<string> {
    const token = await this.#auth.transaction(async (queries) => {
      const [session] = await queries.query<{ user_id: string }>(
        'delete from sessions where token = $1 returning user_id',
        [sessionToken],
      );
      const person = session && (await findPerson(queries, { id: session.user_id }));
      if (!person) return undefined;
      const { id, email, emailVerified } = person;
      if (!emailVerified)
        await this.#queue.add('mail-person', { kind: 'confirmation', email }, queries);
      return mintToken(queries, 'provider', id, email);
    });
    return `${this.#publicUrl}/sign-in#${token ? `token=${token}` : 'error=failed'}`;
  }
}

const stateOf = (cookies: readonly string[]) =>
  cookies.filter(
    (cookie) => !cookie.includes('session_token=') && !cookie.includes('session_data='),
  );

const stamps = { createdAt: 'inserted_at', updatedAt: 'updated_at' };

/**
 * better-auth on our own tables, for the protocols of providers alone. An account is linked to one that
 * exists only when the address is verified on both sides; the provider's tokens are not kept.
 */
function createBetterAuth(auth: AuthDatabase, { publicUrl, secretKey, providers }: Settings) {
  const { google, apple, oidc } = providers;
  const forgotten = { accessToken: null, refreshToken: null, idToken: null };
  const forget = async (account: Record<string, unknown>) => ({
    data: { ...account, ...forgotten },
  });
  const named = (profile: { name?: unknown; email?: unknown }) =>
    String(profile.name || String(profile.email ?? '').split('@')[0] || 'Somebody').slice(0, 200);
  return betterAuth({
    baseURL: publicUrl,
    basePath: providersPath,
    secret: secretKey,
    database: auth.pool,
    telemetry: { enabled: false },
    logger: { disabled: true },
    rateLimit: { enabled: false },
    advanced: {
      database: { generateId: () => uuidv7() },
      useSecureCookies: publicUrl.startsWith('https:'),
    },
    socialProviders: {
      ...(google && {
        google: { ...google, mapProfileToUser: (profile) => ({ name: named(profile) }) },
      }),
      ...(apple && {
        apple: { ...apple, mapProfileToUser: (profile) => ({ name: named(profile) }) },
      }),
    },
    plugins: oidc
      ? [
          genericOAuth({
            config: [
              {
                providerId: 'oidc',
                discoveryUrl: `${oidc.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
                clientId: oidc.clientId,
                clientSecret: oidc.clientSecret,
                scopes: ['openid', 'email', 'profile'],
                pkce: true,
                requireIdTokenVerification: true,
                mapProfileToUser: (profile) => ({ name: named(profile) }),
              },
            ],
          }),
        ]
      : [],
    user: { modelName: 'users', fields: { emailVerified: 'email_verified', ...stamps } },
    session: {
      modelName: 'sessions',
      // Only until it is traded.
      expiresIn: 60,
      fields: {
        userId: 'user_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        ...stamps,
      },
    },
    account: {
      modelName: 'accounts',
      accountLinking: { enabled: true, trustedProviders: [], requireLocalEmailVerified: true },
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        ...stamps,
      },
    },
    verification: { modelName: 'verifications', fields: { expiresAt: 'expires_at', ...stamps } },
    databaseHooks: { account: { create: { before: forget }, update: { before: forget } } },
  });
}
