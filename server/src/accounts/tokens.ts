import { KyozoError } from '@kyozo/resource';
import { jwtVerify, SignJWT } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import type { Client } from '../actions.ts';
import type { AuthDatabase, AuthQueries } from './auth-database.ts';
import type { Notices } from './notices.ts';
import { type Family, keepRefreshToken, lockFamily, lookAtUse, spend } from './refresh-tokens.ts';
import { endSession } from './sessions.ts';
import { algorithm, type SigningKeys } from './signing-keys.ts';

export type TokenPair = { accessToken: string; refreshToken: string; expiresIn: number };
export type Claims = { userId: string; sessionId: string; expiresAt: number };

const issuer = 'kyozo';
const ended = () => new KyozoError('unauthenticated', 'The refresh token is not valid.');

/**
 * Short-lived access tokens (JWT, EdDSA) and refresh tokens, each good for one pair. A session is the family that
 * both belong to; every statement checks that it still stands, so ending it ends its tokens at once.
 */
export class Tokens {
  readonly #auth: AuthDatabase;
  readonly #ttl: { access: number; refresh: number };
  readonly #keys: SigningKeys;
  readonly #notices: Pick<Notices, 'tell'>;
  /** Verified tokens by their whole text; the signature of one text never needs a second look. */
  readonly #verified = new Map<string, Claims>();

  constructor(
    auth: AuthDatabase,
    ttl: { access: number; refresh: number },
    keys: SigningKeys,
    notices: Pick<Notices, 'tell'>,
  ) {
    this.#notices = notices;
    this.#auth = auth;
    this.#ttl = ttl;
    this.#keys = keys;
  }

  /** A new pair for a session. */
  async issue(userId: string, sessionId: string, queries: AuthQueries = this.#auth) {
    const refreshToken = await keepRefreshToken(queries, sessionId, this.#ttl.refresh);
    return this.#pair(userId, sessionId, refreshToken);
  }

  /**
   * Trades a refresh token for a new pair, in one transaction: a crash leaves the old token or the new.
   *
   * Clients lose answers: a page is reloaded, a network goes away. So a token that is used again within
   * 30 s, from where it was used, while its pair has not been used, answers with that very pair. Every
   * other second use ends the whole family and tells the person: either a thief or the owner holds a
   * copy, and nobody can tell which (RFC 9700, 4.14.2).
   */
  async refresh(
    refreshToken: string,
    client: Client,
  ): Promise<{ userId: string; sessionId: string; pair: TokenPair }> {
    const traded = await this.#auth.transaction(async (queries) => {
      const family = await lockFamily(queries, refreshToken);
      if (!family) return undefined;
      const { use, pair } = await lookAtUse(queries, refreshToken, client);
      if (use === 'end') await this.#endFamily(queries, family);
      if (use === 'trade') return this.#trade(queries, family, refreshToken, client);
      return pair === undefined ? undefined : answerOf(family, JSON.parse(pair) as TokenPair);
    });
    if (!traded) throw ended();
    return traded;
  }

  async #trade(queries: AuthQueries, family: Family, refreshToken: string, client: Client) {
    const prolonged = await queries.query(
      `update sessions set expires_at = now() + make_interval(secs => $2), updated_at = now()
       where id = $1 and expires_at > now() returning 1`,
      [family.id, this.#ttl.refresh],
    );
    if (prolonged.length === 0) return undefined;
    const pair = await this.issue(family.user_id, family.id, queries);
    await spend(queries, family, refreshToken, JSON.stringify(pair), client);
    return answerOf(family, pair);
  }

  /** What a valid access token says, or undefined. Whether its session still stands is the database's to say. */
  async verify(token: string): Promise<Claims | undefined> {
    const now = Date.now() / 1000;
    const known = this.#verified.get(token);
    if (known) return known.expiresAt > now ? known : undefined;
    // The spare bits of a signature's last letter mean nothing: one token would have several texts.
    const signature = token.slice(token.lastIndexOf('.') + 1);
    if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) return undefined;
    const claims = await jwtVerify(token, async ({ kid }) => this.#publicKey(kid), {
      issuer,
      audience: issuer,
      algorithms: [algorithm],
      requiredClaims: ['exp', 'sub', 'sid'],
    })
      .then(({ payload }) => ({
        userId: payload.sub!,
        sessionId: payload.sid as string,
        expiresAt: payload.exp!,
      }))
      .catch(() => undefined);
    if (claims) {
      if (this.#verified.size > 10_000) this.#verified.clear();
      this.#verified.set(token, claims);
    }
    return claims;
  }

  async #publicKey(kid: string | undefined) {
    const key = await this.#keys.verifying(kid);
    if (!key) throw new Error('No key of ours.');
    return key;
  }

  /** Whoever's token was used before learns of it; several uses at once tell once. */
  async #endFamily(queries: AuthQueries, family: Family): Promise<void> {
    await endSession(queries, family.user_id, family.id);
    await this.#notices.tell(queries, family.user_id, 'security.refresh-reuse', {
      ipAddress: family.ip_address,
      userAgent: family.user_agent,
    });
  }

  async #pair(userId: string, sessionId: string, refreshToken: string): Promise<TokenPair> {
    const { id, secret } = await this.#keys.signing();
    const accessToken = await new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: algorithm, kid: id, typ: 'JWT' })
      .setSubject(userId)
      .setIssuer(issuer)
      .setAudience(issuer)
      .setJti(uuidv7())
      .setIssuedAt()
      .setExpirationTime(`${this.#ttl.access}s`)
      .sign(secret);
    return { accessToken, refreshToken, expiresIn: this.#ttl.access };
  }
}

const answerOf = (family: Family, pair: TokenPair) => ({
  userId: family.user_id,
  sessionId: family.id,
  pair,
});
