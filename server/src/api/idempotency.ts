import { createHash } from 'node:crypto';
import { type Actor, invalid, KyozoError, malformed, type Resource } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Request as ActionRequest, Outcome } from '../actions.ts';
import type { Database, Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { seal, unseal } from '../sealed.ts';
import type { Edge } from './context.ts';
import { runAction } from './guard.ts';

type Answer = { status: number; headers: Record<string, string>; text: string };
type Run = (action: ActionRequest) => Promise<Outcome>;
type Claim = { actor: Actor; hash: Buffer; fingerprint: Buffer };

const source = { header: 'Idempotency-Key' };
const kept = ['etag', 'location'];
const day = sql`interval '24 hours'`;
const sha256 = (text: string) => createHash('sha256').update(text).digest();

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
      throw invalid('This key was used for another request.', source);
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

/**
 * Runs a changing request; with an `Idempotency-Key` at most once, and a repeat gets the first one's
 * answer. The answer is kept in the transaction of the change. An action that no transaction can hold
 * is claimed before and answered behind: cut off in between, its repeat is told so.
 */
export async function once(
  edge: Edge,
  actor: Actor,
  what: { resource: Resource; action: string },
  request: FastifyRequest,
  reply: FastifyReply,
  work: (edge: Edge, run: Run) => Promise<string>,
): Promise<string> {
  const outside: Run = (action) => runAction(edge, request, action);
  const key = request.headers['idempotency-key'];
  if (key === undefined) return work(edge, outside);
  const claim = { actor, hash: sha256(keyIn(key)), fingerprint: fingerprintOf(request) };
  const { answers, actions } = edge;
  const answerOf = (text: string): Answer => ({
    status: reply.statusCode,
    headers: Object.fromEntries(
      kept.flatMap((name) =>
        reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [],
      ),
    ),
    text,
  });
  if (actions.joins(what.resource, what.action)) {
    return actions.together(actor, async ({ run, records, queries }) => {
      const earlier = await answers.claim(queries, claim);
      if (earlier) return replay(earlier, reply);
      const text = await work({ ...edge, records }, run);
      await answers.keep(queries, claim, answerOf(text));
      return text;
    });
  }
  const earlier = await answers.claim(answers.database, claim);
  if (earlier) return replay(earlier, reply);
  const text = await work(edge, outside).catch(async (error: unknown) => {
    await answers.release(claim);
    throw error;
  });
  // The change stands, whatever becomes of its answer.
  await answers.keep(answers.database, claim, answerOf(text)).catch(() => undefined);
  return text;
}

function replay({ status, headers, text }: Answer, reply: FastifyReply): string {
  void reply.code(status).headers({ ...headers, 'idempotent-replayed': 'true' });
  return text;
}

function keyIn(header: string | string[]): string {
  const key = String(header).trim();
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw malformed('Idempotency-Key must be 1 to 255 printable characters.', source);
  return key;
}

/** The same request: method, address, precondition and body. */
function fingerprintOf(request: FastifyRequest): Buffer {
  const { method, url, headers, body } = request;
  return sha256(JSON.stringify([method, url, headers['if-match'] ?? null, body ?? null]));
}
