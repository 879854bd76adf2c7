import { createHash } from 'node:crypto';
import { type Actor, malformed, type Resource } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Request as ActionRequest, Outcome } from '../actions.ts';
import { type Answer, source } from './answers.ts';
import type { Edge } from './context.ts';
import { runAction } from './guard.ts';

type Run = (action: ActionRequest) => Promise<Outcome>;

const kept = ['etag', 'location'];
const sha256 = (text: string) => createHash('sha256').update(text).digest();

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
  const claim = { actor, hash: sha256(keyIn(key)), fingerprint: fingerprintOf(request, actor) };
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

/**
 * The same request: method, address, precondition and body, by the same credential with the same
 * rights. An answer is given without asking what its reader may do, and may hold what is shown once.
 */
function fingerprintOf(request: FastifyRequest, actor: Actor): Buffer {
  const { method, url, headers, body } = request;
  const { credential, role, scopes } = actor;
  return sha256(
    JSON.stringify([
      ...[method, url, headers['if-match'] ?? null, body ?? null],
      ...[credential.id, role, scopes],
    ]),
  );
}
