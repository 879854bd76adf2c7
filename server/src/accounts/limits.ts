import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KyozoError } from '@kyozo/resource';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';

/** A thing that may be tried so often in so many seconds, for one address, one client or one person. */
export type Try = {
  bucket: string;
  key: string;
  limit: number;
  seconds: number;
  /** What becomes of a try over the limit; it is refused unless it says otherwise. */
  over?: 'refuse' | 'slow';
};

/** Milliseconds that a try waits which is over a limit that slows down. */
const slowness = 3_000;

/** How work says that a password, a code or a token was wrong. */
const misses: readonly string[] = ['unauthenticated', 'invalid', 'not_found'];

const keyOf = ({ bucket, key }: Try) => createHash('sha256').update(`${bucket}\0${key}`).digest();

/**
 * Counts tries in PostgreSQL, so that a limit holds over all APIs and nodes. A window begins with its
 * first try; at its edge twice the limit passes.
 */
export class Limits {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Counts a try before it is made, so that a thousand at once do not all pass. @throws KyozoError `too_many` */
  async take(bucket: string, key: string, limit: number, seconds: number): Promise<void> {
    const wait = await this.#count({ bucket, key, limit, seconds });
    if (wait > 0) throw tooMany(wait);
  }

  /** Whether a try may be made, for what stays silent. */
  async allows(tried: Try): Promise<boolean> {
    return (await this.#count(tried)) === 0;
  }

  /** Does work that guesses may be among: only a miss, which it says with one of `misses`, stays counted. */
  async guarding<Result>(tries: readonly Try[], work: () => Promise<Result>): Promise<Result> {
    const waits = await Promise.all(tries.map((it) => this.#count(it)));
    const taken = tries.filter((_, index) => waits[index] === 0);
    const giveBack = () => Promise.all(taken.map((it) => this.#giveBack(it)));
    const over = tries
      .map((it, index) => ({ ...it, wait: waits[index]! }))
      .filter((it) => it.wait > 0);
    const refused = over.filter((it) => it.over !== 'slow');
    if (refused.length > 0) {
      await giveBack();
      throw tooMany(Math.max(...refused.map(({ wait }) => wait)));
    }
    if (over.length > 0) await sleep(slowness);
    try {
      const result = await work();
      await giveBack();
      return result;
    } catch (error) {
      const miss = error instanceof KyozoError && misses.includes(error.code);
      if (!miss) await giveBack();
      throw error;
    }
  }

  async #count(tried: Try): Promise<number> {
    const [row] = await this.#database.system<{ wait: number }>(
      sql`select take_attempt(${keyOf(tried)}, ${tried.limit}, ${tried.seconds}) as wait`,
    );
    return row!.wait;
  }

  async #giveBack(tried: Try): Promise<void> {
    await this.#database.system(sql`select give_attempt_back(${keyOf(tried)})`);
  }
}

const tooMany = (retryAfter: number) =>
  new KyozoError('too_many', 'Too many tries; try again later.', { meta: { retryAfter } });

/** A client's address as limits count it: of IPv6 the network, since a client has all of it. */
export const networkOf = (ip: string): string =>
  ip.includes(':') && !ip.startsWith('::ffff:') ? ip.split(':').slice(0, 4).join(':') : ip;
