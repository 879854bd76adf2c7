import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { KyozoError } from '@kyozo/resource';
import type { FastifyInstance } from 'fastify';
import { answerError } from './jsonapi/routes.ts';

/** The web app: hashed files are cached for good, and every other page address answers the app itself. */
export async function web(app: FastifyInstance, root: string): Promise<void> {
  if (!existsSync(join(root, 'index.html'))) {
    app.get('/', async (_request, reply) =>
      reply
        .code(503)
        .type('text/plain')
        .send('The web app is not built yet: run `npm run build`.\n'),
    );
    return;
  }
  await app.register(fastifyStatic, {
    root,
    wildcard: false,
    preCompressed: true,
    setHeaders(reply, path) {
      const hashed = path.includes('/assets/');
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  app.setNotFoundHandler((request, reply) => {
    const page =
      request.method === 'GET' &&
      !/^\/(api|git|collaboration|assets|health|metrics|\.well-known)(\/|$|\?)/.test(request.url);
    if (page) return reply.header('cache-control', 'no-cache').sendFile('index.html');
    return answerError(
      new KyozoError('not_found', 'There is nothing at this address.'),
      request,
      reply,
    );
  });
}
