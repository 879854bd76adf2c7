import { type Actor, KyozoError, malformed } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionResult } from 'graphql';
import { actorOf, type Edge } from '../context.ts';
import { refuse } from '../errors.ts';
import { type Engine, isRefused, type Prepared, type Refused } from './engine.ts';
import { shownTo } from './errors.ts';
import { explorerPage } from './explorer.ts';
import { Allowance } from './limits.ts';
import { type Form, formFor, isJson } from './negotiate.ts';
import { requestInUrl, requestsIn } from './parameters.ts';
import { contextFor } from './resolvers.ts';
import { streamResults } from './sse.ts';

export type Settings = { cost: number; development: boolean };

/**
 * GraphQL over HTTP (the working draft of 2025), where it leaves a choice:
 * a bearer that is wrong or has ended is 401 for the whole request, whatever the form, and one whose owner is
 * no member of the team that is named 403; nobody at all
 * may ask, and is told `unauthenticated` (as a key without the scope is told `forbidden`) at each
 * field, which is 200 like every operation that ran. What never ran is 400 as
 * `application/graphql-response+json`, and 200 as `application/json`, if only it was well formed.
 */
export function handlerOf(edge: Edge, engine: Engine, settings: Settings) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const isGet = request.method === 'GET';
    const form = acceptable(request, isGet && settings.development);
    if (form === 'text/html') return explorerPage(reply);
    const actor = await actorOf(edge, request);
    const { requests, batch } = isGet
      ? { requests: [requestInUrl(request.query as Record<string, unknown>)], batch: false }
      : requestsIn(bodyOf(request));
    const allowance = new Allowance(settings.cost);
    const prepared = requests.map((it) => engine.prepare(it, allowance));
    if (isGet) refuseChange(prepared, reply);
    if (form === 'text/event-stream') {
      if (batch) throw malformed('A batch cannot be streamed.');
      return streamResults(engine, prepared[0]!, () => contextFor(edge, request), reply, actor);
    }
    return answer(edge, engine, request, reply, { prepared, batch, form, actor });
  };
}

async function answer(
  edge: Edge,
  engine: Engine,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: { prepared: (Prepared | Refused)[]; batch: boolean; form: Form; actor: Actor | undefined },
): Promise<FastifyReply> {
  const results: object[] = [];
  for (const it of asked.prepared) {
    // One after the other: what a batch changes, it changes in its order.
    const result = isRefused(it) ? it : await runOnce(engine, it, edge, request);
    if (asked.actor && !isRefused(it)) refuseEnded(it, result);
    results.push(shownTo(asked.actor, result));
  }
  // Their answers may hold a new token or key.
  if (asked.prepared.some(changes)) void reply.header('cache-control', 'no-store');
  const strict = asked.form === 'application/graphql-response+json';
  const status = strict && asked.prepared.every(isRefused) ? 400 : 200;
  const body = asked.batch ? results : results[0];
  return reply.code(status).type(`${asked.form}; charset=utf-8`).send(JSON.stringify(body));
}

function runOnce(
  engine: Engine,
  prepared: Prepared,
  edge: Edge,
  request: FastifyRequest,
): Promise<ExecutionResult> {
  if (prepared.operation.operation === 'subscription') {
    throw new KyozoError(
      'not_acceptable',
      'Subscriptions go over WebSocket, or as text/event-stream.',
    );
  }
  return engine.run(prepared, contextFor(edge, request));
}

const ended = ['unauthenticated', 'not_a_member'] as const;

/** A credential that has ended while a query ran refuses it whole, as one that had ended before would. */
function refuseEnded({ operation }: Prepared, { errors }: ExecutionResult): void {
  if (operation.operation !== 'query') return;
  for (const code of ended) {
    const error = errors?.find(({ extensions }) => extensions.code === code);
    if (error) throw new KyozoError(code, error.message);
  }
}

/** Any failure outside of an operation, in GraphQL's form. */
export function answerGraphqlError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const faults = refuse(error, request, reply);
  const errors = faults.map(({ message, code, meta }) => ({
    message,
    extensions: { code, ...meta },
  }));
  const form = formFor(request.headers.accept, ['application/graphql-response+json']);
  return reply
    .type(`${form ?? 'application/json'}; charset=utf-8`)
    .send(JSON.stringify({ errors }));
}

/** @throws KyozoError 406, and 415 for a body that is not JSON */
function acceptable(request: FastifyRequest, page: boolean): Form {
  const usual: Form[] = [
    'application/json',
    'application/graphql-response+json',
    'text/event-stream',
  ];
  const form = formFor(request.headers.accept, page ? [...usual, 'text/html'] : usual);
  if (!form) {
    throw new KyozoError('not_acceptable', `Accept must allow one of ${usual.join(', ')}.`);
  }
  return form;
}

const changes = (it: Prepared | Refused): boolean =>
  !isRefused(it) && it.operation.operation === 'mutation';

function bodyOf(request: FastifyRequest): unknown {
  if (!isJson(request.headers['content-type'])) {
    throw new KyozoError('unsupported_media_type', 'The body must be application/json in UTF-8.');
  }
  return request.body;
}

/** A link must not change anything. @throws KyozoError 405 */
function refuseChange(prepared: readonly (Prepared | Refused)[], reply: FastifyReply): void {
  if (!prepared.some(changes)) return;
  void reply.header('allow', 'POST');
  throw new KyozoError('method_not_allowed', 'Mutations are sent by POST.');
}
