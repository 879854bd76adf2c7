import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import Fastify from 'fastify';
import type { ExecutionResult } from 'graphql';
import { expect, test } from 'vitest';
import type { Engine, Prepared } from '../../src/api/graphql/engine.ts';
import type { GraphqlContext } from '../../src/api/graphql/resolvers.ts';
import { streamResults } from '../../src/api/graphql/sse.ts';

test('M6 a source that cannot be closed when its reader leaves is logged, and ends no process', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  const left = Promise.withResolvers<IteratorResult<ExecutionResult>>();
  const source: AsyncIterableIterator<ExecutionResult> = {
    next: () => left.promise,
    async return() {
      left.resolve({ done: true, value: undefined });
      throw new Error('the source does not close');
    },
    [Symbol.asyncIterator]: () => source,
  };
  const engine = { subscribe: async () => source } as unknown as Engine;
  const prepared = { operation: { operation: 'subscription' } } as unknown as Prepared;
  const log = new PassThrough();
  const app = Fastify({ logger: { level: 'error', stream: log } });
  const ended = Promise.withResolvers<void>();
  app.get('/', async (_request, reply) => {
    const contextOf = () => ({}) as GraphqlContext;
    await streamResults(engine, prepared, contextOf, reply, undefined).finally(ended.resolve);
    return reply;
  });
  const reading = new AbortController();
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const response = await fetch(url, { signal: reading.signal });
  expect(response.status).toBe(200);
  reading.abort();
  await ended.promise;
  await new Promise(setImmediate);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
  if (log.readableLength === 0) await once(log, 'readable');
  expect(String(log.read())).toContain('the source does not close');
  await app.close();
});
