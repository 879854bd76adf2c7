import { exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import { seal, unseal } from '../sealed.ts';
import type { AuthQueries } from './auth-database.ts';

/** The one algorithm: chosen here, never by a token's header. */
export const algorithm = 'EdDSA';

type Imported = CryptoKey | Uint8Array;
export type SigningKey = { id: string; secret: Imported };
type Row = {
  id: string;
  public_key: JWK;
  sealed_private_key: Buffer;
  retired: boolean;
};
type Loaded = {
  signing: SigningKey;
  verifying: ReadonlyMap<string, Imported>;
  jwks: { keys: JWK[] };
};

/** A retired key verifies until every token of its is over, also those of a node that has not heard yet. */
const hearing = 3_600;
/** At most this often a kid that nobody knows makes a node look for new keys, in milliseconds. */
const lookAgain = 2_000;
/** A node notices that its signing key has been retired. */
const refreshEvery = 600_000;

/** The keys that sign access tokens; they lie in the database, sealed by the secret key, for all nodes. */
export class SigningKeys {
  readonly #queries: AuthQueries;
  readonly #secretKey: string;
  #loaded: Promise<Loaded>;
  #known: Loaded | undefined;
  #loadedAt = 0;
  #missedAt = 0;

  private constructor(queries: AuthQueries, secretKey: string) {
    this.#queries = queries;
    this.#secretKey = secretKey;
    this.#loaded = this.#load();
  }

  /** Loads the keys, or makes the first one. @throws Error when the secret key is another database's */
  static async open(queries: AuthQueries, secretKey: string): Promise<SigningKeys> {
    const [any] = await queries.query(
      'select 1 from signing_keys where retired_at is null limit 1',
    );
    if (!any) await createKey(queries, secretKey);
    const keys = new SigningKeys(queries, secretKey);
    await keys.#loaded;
    return keys;
  }

  /**
   * The key that signs now. Once keys are known nobody waits for a look at the database: whoever signs
   * holds a connection, and when all connections are held no look would ever end.
   */
  async signing(): Promise<SigningKey> {
    const current = this.#current(refreshEvery);
    return (this.#known ?? (await current)).signing;
  }

  /** The public key of a kid, if it is one of ours; another node may have made it a moment ago. */
  async verifying(kid: string | undefined): Promise<Imported | undefined> {
    if (kid === undefined) return undefined;
    const known = (await this.#current(refreshEvery)).verifying.get(kid);
    if (known || Date.now() - this.#missedAt < lookAgain) return known;
    this.#missedAt = Date.now();
    return (await this.#current(0)).verifying.get(kid);
  }

  /** The public keys that verify, for `/.well-known/jwks.json`. */
  async jwks(): Promise<{ keys: JWK[] }> {
    return (await this.#current(lookAgain)).jwks;
  }

  /** Makes a new key when the newest is older than that; the old ones go on verifying. */
  async rotate(options: { olderThanDays: number; accessTtl: number }): Promise<boolean> {
    const rotated = await rotateKeys(this.#queries, this.#secretKey, options);
    if (rotated) await this.#current(0);
    return rotated;
  }

  #current(maxAge: number): Promise<Loaded> {
    if (Date.now() - this.#loadedAt >= maxAge) {
      const before = this.#loaded;
      // With the database away, what was known goes on.
      this.#loaded = this.#load().catch(() => before);
    }
    return this.#loaded;
  }

  async #load(): Promise<Loaded> {
    this.#loadedAt = Date.now();
    const rows = await this.#queries.query<Row>(
      `select id, public_key, sealed_private_key, retired_at is not null as retired from signing_keys
       where expires_at is null or expires_at > now() order by inserted_at desc, id desc`,
    );
    const current = rows.find((row) => !row.retired)!;
    const secret = JSON.parse(unseal(current.sealed_private_key, this.#secretKey, 'signing keys'));
    const imported = rows.map(async (row) => {
      const key = (await importJWK(row.public_key, algorithm)) as Imported;
      return [row.id, key] as const;
    });
    this.#known = {
      signing: { id: current.id, secret: (await importJWK(secret as JWK, algorithm)) as Imported },
      verifying: new Map(await Promise.all(imported)),
      jwks: {
        keys: rows.map((row) => ({ ...row.public_key, kid: row.id, alg: algorithm, use: 'sig' })),
      },
    };
    return this.#known;
  }
}

/** What `SigningKeys.rotate` does, for whoever has no server at hand. `queries` may be a transaction. */
export async function rotateKeys(
  queries: AuthQueries,
  secretKey: string,
  { olderThanDays, accessTtl }: { olderThanDays: number; accessTtl: number },
): Promise<boolean> {
  const [young] = await queries.query(
    'select 1 from signing_keys where retired_at is null and inserted_at > now() - make_interval(days => $1) limit 1',
    [olderThanDays],
  );
  if (young && olderThanDays > 0) return false;
  const id = await createKey(queries, secretKey);
  await queries.query(
    `update signing_keys set retired_at = now(), expires_at = now() + make_interval(secs => $2)
     where retired_at is null and id <> $1`,
    [id, accessTtl + hearing],
  );
  await queries.query('delete from signing_keys where expires_at < now()');
  return true;
}

async function createKey(queries: AuthQueries, secretKey: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const sealed = seal(JSON.stringify(await exportJWK(privateKey)), secretKey, 'signing keys');
  const id = uuidv7();
  await queries.query(
    'insert into signing_keys (id, public_key, sealed_private_key) values ($1, $2, $3)',
    [id, JSON.stringify(await exportJWK(publicKey)), sealed],
  );
  return id;
}
