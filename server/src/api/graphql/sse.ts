import { once } from 'node:events';
import type { Actor } from '@kyozo/resource';
import type { FastifyReply } from 'fastify';
import type { ExecutionResult } from 'graphql';
import { type Engine, isRefused, type Prepared, type Refused } from './engine.ts';
import { shownTo } from './errors.ts';
import type { GraphqlContext } from './resolvers.ts';

const keepAlive = 12_000;

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
  const headers = reply.getHeaders() as Record<string, string>;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.write(':\n\n');
  const timer = setInterval(() => raw.write(':\n\n'), keepAlive);
  const closed = new AbortController();
  const close = () => {
    clearInterval(timer);
    closed.abort();
  };
  // Before anything is waited for: who has left meanwhile is told of by no event any more.
  if (raw.destroyed || raw.closed) close();
  else raw.once('close', close);
  const results = await resultsOf(engine, prepared, contextOf);
  const leave = () => void results.return?.();
  if (closed.signal.aborted) {
    leave();
    return reply;
  }
  closed.signal.addEventListener('abort', leave);
  for await (const result of results) {
    if (closed.signal.aborted) break;
    const more = raw.write(`event: next\ndata: ${JSON.stringify(shownTo(actor, result))}\n\n`);
    if (!more) await once(raw, 'drain', { signal: closed.signal }).catch(() => undefined);
  }
  raw.end('event: complete\ndata: \n\n');
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
