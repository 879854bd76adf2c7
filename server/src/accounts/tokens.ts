import { createHash, randomBytes } from 'node:crypto';
import { KyozoError } from '@kyozo/resource';
import { jwtVerify, SignJWT } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import type { AuthDatabase, AuthQueries } from './auth-database.ts';
import type { Notices } from './notices.ts';
import { algorithm, type SigningKeys } from './signing-keys.ts';

export type TokenPair = { accessToken: string; refreshToken: string; expiresIn: number };
export type Claims = { userId: string; sessionId: string; expiresAt: number };

const issuer = 'kyozo';
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const ended = () => new KyozoError('unauthenticated', 'The refresh token is not valid.');

/**
 * Short-lived access tokens (JWT, EdDSA) and single-use refresh tokens. A session is the family that
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
    const refreshToken = newRefreshToken();
    await queries.query(
      `insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))`,
      [sha256(refreshToken), sessionId, this.#ttl.refresh],
    );
    return this.#pair(userId, sessionId, refreshToken);
  }

  /**
   * Trades a refresh token for a new pair, in one statement: a crash leaves the old token or the new.
   *
   * Using one a second time ends the whole family and tells the person: either a thief or the owner
   * holds a copy, and nobody can tell which (RFC 9700, 4.14.2). There is no grace in which a second use
   * gets the same successor: a thief who is quick would get it too, and the owner would never know. So
   * of a hundred uses at once at most one gets a pair, and the family is over; a client with several
   * tabs lets one of them refresh.
   */
  async refresh(
    refreshToken: string,
  ): Promise<{ userId: string; sessionId: string; pair: TokenPair }> {
    const hash = sha256(refreshToken);
    const next = newRefreshToken();
    const [found] = await this.#auth.query<{ session_id: string; user_id: string }>(
      `with used as (
         update refresh_tokens set used_at = now()
         where hash = $1 and used_at is null and expires_at > now() returning session_id
       ), prolonged as (
         update sessions s set expires_at = now() + make_interval(secs => $3), updated_at = now()
         from used where s.id = used.session_id and s.expires_at > now() returning s.id, s.user_id
       ), made as (
         insert into refresh_tokens (hash, session_id, expires_at)
         select $2, id, now() + make_interval(secs => $3) from prolonged
       )
       select id as session_id, user_id from prolonged`,
      [hash, sha256(next), this.#ttl.refresh],
    );
    if (!found) {
      await this.#endReused(hash);
      throw ended();
    }
    const pair = await this.#pair(found.user_id, found.session_id, next);
    return { userId: found.user_id, sessionId: found.session_id, pair };
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
  async #endReused(hash: Buffer): Promise<void> {
    await this.#auth.transaction(async (queries) => {
      const [session] = await queries.query<{
        user_id: string;
        ip_address: string | null;
        user_agent: string | null;
      }>(
        `delete from sessions where id = (select session_id from refresh_tokens where hash = $1 and used_at is not null)
         returning user_id, ip_address, user_agent`,
        [hash],
      );
      if (!session) return;
      await this.#notices.tell(queries, session.user_id, 'security.refresh-reuse', {
        ipAddress: session.ip_address,
        userAgent: session.user_agent,
      });
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

const newRefreshToken = () => randomBytes(32).toString('base64url');
