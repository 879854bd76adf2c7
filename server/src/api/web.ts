import { existsSync } from 'node:fs';
import { join } from 'node:path';
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import { KyozoError } from '@kyozo/resource';
import type { FastifyInstance } from 'fastify';
import { answerError } from './jsonapi/routes.ts';

/** The web app: hashed files are cached for good, and every other page address answers the app itself. */
export async function web(app: FastifyInstance, root: string, https: boolean): Promise<void> {
  const built = existsSync(join(root, 'index.html'));
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:', 'https:'],
        // Previews: sound and pictures in motion, and the browser's own PDF viewer.
        mediaSrc: ["'self'", 'blob:'],
        frameSrc: ['blob:'],
        connectSrc: ["'self'", 'ws:', 'wss:'],
        workerSrc: ["'self'", 'blob:'],
        frameAncestors: ["'none'"],
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: https,
  });
  if (built) {
    await app.register(fastifyStatic, {
      root,
      wildcard: false,
      preCompressed: true,
      // Only ever sent in the place of the files that they are made of.
      globIgnore: ['**/*.br', '**/*.gz'],
      setHeaders(reply, path) {
        const hashed = path.includes('/assets/');
        reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const page = request.method === 'GET' && !programs.test(request.url);
    if (page && built) return reply.header('cache-control', 'no-cache').sendFile('index.html');
    if (page) {
      const hint = 'The web app is not built yet: run `npm run build`.\n';
      return reply.code(503).type('text/plain').send(hint);
    }
    const nothing = new KyozoError('not_found', 'There is nothing at this address.');
    return answerError(nothing, request, reply);
  });
}

/** Addresses that programs use; everything else is a page of the app. */
const programs = /^\/(api|git|collaboration|assets|health|metrics|dev|\.well-known)(\/|$|\?)/;
