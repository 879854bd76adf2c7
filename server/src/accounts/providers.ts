import type { Queue } from '../jobs/queue.ts';
import type { AuthDatabase } from './auth-database.ts';
import type { BetterAuth, Settings } from './better-auth.ts';
import { mintToken } from './one-time-tokens.ts';
import { findPerson } from './passwords.ts';

/** Where better-auth's two routes lie; of all that it could serve, these are served. */
export const providersPath = '/api/v1/auth';

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
  readonly #settings: Settings;
  #better: Promise<BetterAuth> | undefined;
  readonly list: readonly Provider[];

  constructor(auth: AuthDatabase, queue: Queue, settings: Settings) {
    this.#auth = auth;
    this.#queue = queue;
    this.#publicUrl = settings.publicUrl;
    this.#settings = settings;
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
    const { api } = await this.#loaded();
    const { headers, response } = await api.signInSocial({
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
    const { handler } = await this.#loaded();
    const response = await handler(request);
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

  /** Loaded when somebody first comes that way: better-auth is a sixth of a start, and 50 MB. */
  #loaded(): Promise<BetterAuth> {
    this.#better ??= import('./better-auth.ts').then(({ createBetterAuth }) =>
      createBetterAuth(this.#auth, providersPath, this.#settings),
    );
    return this.#better;
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
