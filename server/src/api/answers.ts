import { type Actor, invalid, KyozoError } from '@kyozo/resource';
import type { Database, Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { seal, unseal } from '../sealed.ts';

export type Answer = { status: number; headers: Record<string, string>; text: string };
/** A key that a request has taken: both are hashes. */
export type Claim = { actor: Actor; hash: Buffer; fingerprint: Buffer };

export const source = { header: 'Idempotency-Key' };
const day = sql`interval '24 hours'`;

/** The answers of the last day to requests that carried an `Idempotency-Key`, by team and person. */
export class Answers {
  readonly #secretKey: string;
  readonly database: Database;

  constructor(database: Database, secretKey: string) {
    this.database = database;
    this.#secretKey = secretKey;
  }

  /**
   * Takes a key for this request. Answers what an earlier request with it was answered, or undefined
   * when it is this one's to make. @throws KyozoError for another request's key, or one that has no answer
   */
  async claim(queries: Queries, { actor, hash, fingerprint }: Claim): Promise<Answer | undefined> {
    await queries.rows(actor, sql`delete from idempotency_keys where inserted_at < now() - ${day}`);
    const mine = await queries.rows(
      actor,
      sql`insert into idempotency_keys (team_id, user_id, hash, fingerprint)
        values (${actor.teamId}, ${actor.userId}, ${hash}, ${fingerprint}) on conflict do nothing returning 1`,
    );
    if (mine.length > 0) return undefined;
    const [found] = await queries.rows<{ fingerprint: Buffer; answer: Buffer | null }>(
      actor,
      sql`select fingerprint, answer from idempotency_keys where user_id = ${actor.userId} and hash = ${hash}`,
    );
    if (found && !found.fingerprint.equals(fingerprint))
      throw invalid('This key was used for another request, or by another credential.', source);
    if (!found?.answer) {
      throw new KyozoError(
        'conflict',
        'The first request with this key is still running, or was cut off: look what it did.',
        { source },
      );
    }
    return JSON.parse(unseal(found.answer, this.#secretKey, 'answers')) as Answer;
  }

  async keep(queries: Queries, { actor, hash }: Claim, answer: Answer): Promise<void> {
    const sealed = seal(JSON.stringify(answer), this.#secretKey, 'answers');
    await queries.rows(
      actor,
      sql`update idempotency_keys set answer = ${sealed} where user_id = ${actor.userId} and hash = ${hash}`,
    );
  }

  /** Gives a key back: the request with it changed nothing. */
  async release({ actor, hash }: Claim): Promise<void> {
    await this.database.rows(
      actor,
      sql`delete from idempotency_keys where user_id = ${actor.userId} and hash = ${hash}`,
    );
  }
}
