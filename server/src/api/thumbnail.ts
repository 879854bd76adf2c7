import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Database } from '../database/database.ts';
import { thumbnailOf } from '../media/picture-store.ts';
import type { Storages } from '../storage/storages.ts';
import { file } from '../workspaces/file.ts';
import { evaluate } from './conditions.ts';
import { asActor, type Edge } from './context.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError } from './jsonapi/routes.ts';

/** `GET /files/:id/thumbnail`: a smaller picture of a picture, made anew by us. */
export async function thumbnail(
  app: FastifyInstance,
  edge: Edge,
  parts: { database: Database; storages: Storages },
): Promise<void> {
  app.setErrorHandler(answerError);
  app.get(
    '/files/:id/thumbnail',
    async (request: FastifyRequest<{ Params: { id: string } }>, reply) =>
      asActor(edge, request, async (actor) => {
        const id = idIn(request);
        await edge.records.one(actor, file, id, new Set());
        const { address, size, open } = await thumbnailOf(parts, actor, id);
        const tag = `"${address.slice(0, 32)}"`;
        void reply.headers({
          etag: tag,
          'cache-control': 'private, no-cache',
          'content-security-policy': "sandbox; default-src 'none'",
          vary: 'Authorization, Kyozo-Team',
        });
        const isCurrent = (value: string) => `"${value}"` === tag;
        if (evaluate(request, { isCurrent }).isKnown) return reply.code(304).send();
        return reply
          .type('image/webp')
          .header('content-length', size)
          .send(await open());
      }),
  );
}
