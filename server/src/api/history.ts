import { malformed } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { file } from '../workspaces/file.ts';
import type { History } from '../workspaces/history.ts';
import { asActor, type Edge } from './context.ts';
import { metaText } from './jsonapi/document.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';

type WithId = FastifyRequest<{ Params: { id: string }; Querystring: Record<string, unknown> }>;

/** `GET /files/:id/diff`: a unified diff of two versions; `GET /files/:id/blame`: where lines came from. */
export async function history(app: FastifyInstance, edge: Edge, versions: History): Promise<void> {
  app.setErrorHandler(answerError);

  app.get('/files/:id/diff', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const { version } = await seen(edge, actor, request);
      const to = numberIn(request, 'toVersion') ?? version;
      const from = numberIn(request, 'fromVersion') ?? Math.max(0, to - 1);
      const text = await versions.diff(actor, idIn(request), from, to);
      return reply
        .headers({ 'cache-control': 'private, no-cache', vary: 'Authorization, Kyozo-Team' })
        .type('text/x-diff; charset=utf-8')
        .send(text);
    }),
  );

  app.get('/files/:id/blame', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const newest = await seen(edge, actor, request);
      const version = numberIn(request, 'atVersion') ?? newest.version;
      const lines = version === 0 ? [] : await versions.blame(actor, idIn(request), version);
      return sendDocument(reply, metaText({ version, lines }));
    }),
  );
}

/** The file, if the actor may see it. @throws KyozoError `not_found` */
async function seen(
  edge: Edge,
  actor: Parameters<Edge['records']['one']>[0],
  request: WithId,
): Promise<{ version: number }> {
  const row = await edge.records.one(actor, file, idIn(request), new Set(['version']));
  return JSON.parse(row.attributes) as { version: number };
}

/** @throws KyozoError for what is no number of a version */
function numberIn(request: WithId, name: string): number | undefined {
  const value = request.query[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  throw malformed(`${name} must be the number of a version.`, { parameter: name });
}
