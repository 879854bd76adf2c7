import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import websocket from '@fastify/websocket';
import type { Registry } from '@kyozo/resource';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { exposed, tusOptions } from '../uploads/tus.ts';
import { requireAccess } from './access.ts';
import { compressAnswers } from './compression.ts';
import { endStalled } from './end-stalled.ts';
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
  knows: (bearer: string) => boolean,
): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyLimit,
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    rewriteUrl: (request: { url?: string }) => withoutHost(request.url ?? '/'),
    routerOptions: { maxParamLength: 200, caseSensitive: true, ignoreTrailingSlash: false },
    forceCloseConnections: true,
  } as Parameters<typeof Fastify>[0]) as unknown as FastifyInstance;
  endStalled(app.server, config.stallTimeout * 1_000);
  requireAccess(app, known);
  compressAnswers(app);
  app.setErrorHandler(answerError);
  // Helmet is for pages (web.ts): for an answer to a program it spent a tenth of the time on directives.
  app.addHook('onRequest', async (_request, reply) => {
    reply.raw.setHeader('X-Content-Type-Options', 'nosniff');
    reply.raw.setHeader('Referrer-Policy', 'no-referrer');
    reply.raw.setHeader('X-Frame-Options', 'DENY');
  });
  // What tus can do is asked without a credential, and from other origins before the request itself.
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'OPTIONS' || !/^\/api\/v1\/uploads(\/|$)/.test(request.url)) return;
    for (const [name, value] of Object.entries(tusOptions(config.uploadLimit)))
      reply.raw.setHeader(name, value);
    if (!request.headers['access-control-request-method']) return reply.code(204).send();
  });
  // Credentials are bearer tokens, never cookies, so another origin can do nothing in a person's name.
  await app.register(cors, {
    origin: true,
    credentials: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['ETag', 'Retry-After', ...exposed],
  });
  await app.register(rateLimit, {
    global: true,
    max: config.requestsPerSecond,
    timeWindow: 1_000,
    // Only a credential that has been seen to be one counts for itself: others are made up at will.
    keyGenerator: (request) => {
      const bearer = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
      return bearer && knows(bearer) ? bearer : request.ip;
    },
    // By the route and not by the address, of which there are many spellings.
    allowList: (request) => !/^\/(api|git)\//.test(request.routeOptions.url ?? ''),
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

/** An address may come with scheme and host (RFC 9112, 3.2.2); everything here means the path alone. */
function withoutHost(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}
