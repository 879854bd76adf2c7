import type { Actor } from '@kyozo/resource';
import type { FastifyReply } from 'fastify';
import type { ExecutionResult } from 'graphql';
import { EventStream } from '../event-stream.ts';
import { type Engine, isRefused, type Prepared, type Refused } from './engine.ts';
import { shownTo } from './errors.ts';
import type { GraphqlContext } from './resolvers.ts';

/**
 * GraphQL over SSE, distinct connections: each result is an event `next`, and `complete` ends it. A
 * subscription resumes by its `after`. Nothing is read ahead of a slow reader.
 */
export async function streamResults(
  engine: Engine,
  prepared: Prepared | Refused,
  contextOf: () => GraphqlContext,
  reply: FastifyReply,
  actor: Actor | undefined,
): Promise<FastifyReply> {
  // Opened before anything is waited for: a reader may leave meanwhile.
  const stream = new EventStream(reply, 'text/event-stream; charset=utf-8');
  try {
    const results = await resultsOf(engine, prepared, contextOf);
    // Nobody is left to be told.
    const failed = (error: unknown) =>
      reply.log.error({ err: error }, 'a subscription could not be closed');
    const leave = () => void results.return?.().catch(failed);
    if (stream.over.aborted) leave();
    stream.over.addEventListener('abort', leave);
    for await (const result of results) {
      if (stream.over.aborted) break;
      await stream.send({ event: 'next', data: shownTo(actor, result) });
    }
    await stream.send({ event: 'complete', data: undefined });
  } finally {
    stream.end();
  }
  return reply;
}

/** What an operation answers, one result after another. */
export async function resultsOf(
  engine: Engine,
  prepared: Prepared | Refused,
  contextOf: () => GraphqlContext,
): Promise<AsyncIterableIterator<ExecutionResult>> {
  if (isRefused(prepared)) return single(prepared);
  if (prepared.operation.operation !== 'subscription') {
    return single(await engine.run(prepared, contextOf()));
  }
  const results = await engine.subscribe(prepared, contextOf);
  return Symbol.asyncIterator in results ? results : single(results);
}

async function* single(result: ExecutionResult): AsyncIterableIterator<ExecutionResult> {
  yield result;
}
