import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import websocket from '@fastify/websocket';
import type { Registry } from '@kyozo/resource';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { requireAccess } from './access.ts';
import { answerError } from './jsonapi/routes.ts';

const noHeaders = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
};

const graphqlProtocol = 'graphql-transport-ws';

/** The HTTP server with what holds for every route: limits, security headers, error form. */
export async function createHttp(
  config: Config,
  log: Log,
  known: Registry,
): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyLimit,
    trustProxy: false,
    routerOptions: { maxParamLength: 200, caseSensitive: true, ignoreTrailingSlash: false },
    forceCloseConnections: true,
  } as Parameters<typeof Fastify>[0]) as unknown as FastifyInstance;
  requireAccess(app, known);
  app.setErrorHandler(answerError);
  // Helmet is for pages (web.ts): for an answer to a program it spent a tenth of the time on directives.
  app.addHook('onRequest', async (_request, reply) => {
    reply.raw.setHeader('X-Content-Type-Options', 'nosniff');
    reply.raw.setHeader('Referrer-Policy', 'no-referrer');
    reply.raw.setHeader('X-Frame-Options', 'DENY');
  });
  // Credentials are bearer tokens, never cookies, so another origin can do nothing in a person's name.
  await app.register(cors, {
    origin: true,
    credentials: false,
    exposedHeaders: ['ETag', 'Location', 'Retry-After'],
  });
  await app.register(rateLimit, {
    global: true,
    max: config.requestsPerSecond,
    timeWindow: 1_000,
    keyGenerator: (request) => request.headers.authorization ?? request.ip,
    allowList: (request) => !request.url.startsWith('/api/'),
    addHeadersOnExceeding: noHeaders,
    addHeaders: { ...noHeaders, 'retry-after': true },
  });
  await app.register(websocket, {
    options: {
      maxPayload: config.messageLimit,
      perMessageDeflate: false,
      // Of the protocols that a client offers, the one that we speak.
      handleProtocols: (offered: Set<string>) =>
        offered.has(graphqlProtocol) ? graphqlProtocol : (offered.values().next().value ?? false),
    },
  });
  return app;
}
