import { createHash, randomBytes } from 'node:crypto';
import { KyozoError } from '@kyozo/resource';
import { exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { seal, unseal } from '../sealed.ts';

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
  readonly #pool: pg.Pool;
  readonly #ttl: { access: number; refresh: number };
  readonly #key: { id: string; secret: CryptoKey | Uint8Array; publicJwk: JWK };
  readonly #public: CryptoKey | Uint8Array;
  /** Verified tokens by their whole text; the signature of one text never needs a second look. */
  readonly #verified = new Map<string, Claims>();

  private constructor(
    pool: pg.Pool,
    ttl: { access: number; refresh: number },
    key: { id: string; secret: CryptoKey | Uint8Array; publicJwk: JWK },
    publicKey: CryptoKey | Uint8Array,
  ) {
    this.#pool = pool;
    this.#ttl = ttl;
    this.#key = key;
    this.#public = publicKey;
  }

  /** Loads the signing key, or makes the first one; it lies in the database sealed by the secret key. */
  static async open(
    pool: pg.Pool,
    secretKey: string,
    ttl: { access: number; refresh: number },
  ): Promise<Tokens> {
    const find = async () =>
      (
        await pool.query<{ id: string; public_key: JWK; sealed_private_key: Buffer }>(
          'select id, public_key, sealed_private_key from signing_keys order by inserted_at, id limit 1',
        )
      ).rows[0];
    if (!(await find())) await createKey(pool, secretKey);
    const row = (await find())!;
    const secret = await importJWK(
      JSON.parse(unseal(row.sealed_private_key, secretKey, 'signing keys')) as JWK,
      'EdDSA',
    );
    const publicKey = await importJWK(row.public_key, 'EdDSA');
    return new Tokens(pool, ttl, { id: row.id, secret, publicJwk: row.public_key }, publicKey);
  }

  /** The public keys, for `/.well-known/jwks.json`. */
  jwks(): { keys: JWK[] } {
    return { keys: [{ ...this.#key.publicJwk, kid: this.#key.id, alg: 'EdDSA', use: 'sig' }] };
  }

  /** A new pair for a session. */
  async issue(userId: string, sessionId: string): Promise<TokenPair> {
    const refreshToken = randomBytes(32).toString('base64url');
    await this.#pool.query(
      `insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))`,
      [sha256(refreshToken), sessionId, this.#ttl.refresh],
    );
    return {
      accessToken: await this.#sign(userId, sessionId),
      refreshToken,
      expiresIn: this.#ttl.access,
    };
  }

  /**
   * Trades a refresh token for a new pair. Using one a second time ends the whole family: either the
   * thief or the owner holds a copy, and nobody can tell which.
   */
  async refresh(
    refreshToken: string,
  ): Promise<{ userId: string; sessionId: string; pair: TokenPair }> {
    const hash = sha256(refreshToken);
    const { rows } = await this.#pool.query<{ session_id: string; user_id: string }>(
      `update refresh_tokens r set used_at = now() from sessions s
       where r.hash = $1 and r.used_at is null and r.expires_at > now() and s.id = r.session_id
       returning r.session_id, s.user_id`,
      [hash],
    );
    const found = rows[0];
    if (!found) {
      await this.#pool.query(
        'delete from sessions where id = (select session_id from refresh_tokens where hash = $1 and used_at is not null)',
        [hash],
      );
      throw ended();
    }
    await this.#pool.query(
      'update sessions set expires_at = now() + make_interval(secs => $2), updated_at = now() where id = $1',
      [found.session_id, this.#ttl.refresh],
    );
    const pair = await this.issue(found.user_id, found.session_id);
    return { userId: found.user_id, sessionId: found.session_id, pair };
  }

  /** Ends a session and with it every token of its family. */
  async end(sessionId: string): Promise<void> {
    await this.#pool.query('delete from sessions where id = $1', [sessionId]);
  }

  /** What a valid access token says, or undefined. Whether its session still stands is the database's to say. */
  async verify(token: string): Promise<Claims | undefined> {
    const now = Date.now() / 1000;
    const known = this.#verified.get(token);
    if (known) return known.expiresAt > now ? known : undefined;
    // The spare bits of a signature's last letter mean nothing: one token would have several texts.
    const signature = token.slice(token.lastIndexOf('.') + 1);
    if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) return undefined;
    const claims = await jwtVerify(token, this.#public, {
      issuer,
      audience: issuer,
      algorithms: ['EdDSA'],
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

  #sign(userId: string, sessionId: string): Promise<string> {
    return new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: 'EdDSA', kid: this.#key.id, typ: 'JWT' })
      .setSubject(userId)
      .setIssuer(issuer)
      .setAudience(issuer)
      .setJti(uuidv7())
      .setIssuedAt()
      .setExpirationTime(`${this.#ttl.access}s`)
      .sign(this.#key.secret);
  }
}

async function createKey(pool: pg.Pool, secretKey: string): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const sealed = seal(JSON.stringify(await exportJWK(privateKey)), secretKey, 'signing keys');
  await pool.query(
    'insert into signing_keys (id, public_key, sealed_private_key) values ($1, $2, $3)',
    [uuidv7(), JSON.stringify(await exportJWK(publicKey)), sealed],
  );
}
