import { Readable } from 'node:stream';
import { type Actor, authorize, KyozoError, malformed, notFound } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { transfer } from '../archives/transfer.ts';
import type { Archive, Transfers } from '../archives/transfers.ts';
import { checkPath } from '../storage/path-rules.ts';
import type { ByteRange } from '../storage/storage.ts';
import { file } from '../workspaces/file.ts';
import { workspace } from '../workspaces/workspace.ts';
import { asActor, type Edge } from './context.ts';
import { idIn, oneDocument, queryOf } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';
import { receive, streamBodies } from './receive-body.ts';
import { sendContent } from './send-content.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
type Parts = { transfers: Transfers; limit: number };

/** `POST /workspaces/:id/import`: a zip as the body. `GET /transfers/:id/content`: a zip that was exported. */
export async function archives(
  app: FastifyInstance,
  edge: Edge,
  { transfers, limit }: Parts,
): Promise<void> {
  streamBodies(app);
  app.setErrorHandler(answerError);

  app.post('/workspaces/:id/import', async (request: WithId, reply) => {
    if (request.headers['content-type']?.split(';')[0] !== 'application/zip')
      throw new KyozoError('unsupported_media_type', 'Send a zip, as application/zip.');
    const received = receive(request, limit);
    let archive: Archive | undefined;
    return asActor(edge, request, async (actor) => {
      const { id } = await edge.records.one(actor, workspace, idIn(request), new Set());
      authorize(file, 'create', actor);
      await edge.records.requireOpen(actor, workspace, id);
      // Before anything is kept of what is refused.
      const query = queryOf(edge, transfer, request, 'folderPath');
      const folderPath = folderIn(request);
      archive ??= await transfers.write(actor, received.body);
      const row = await transfers.start(actor, 'import', id, { ...archive, folderPath });
      void reply.code(202).header('location', `/api/v1/transfers/${row.id}`);
      return sendDocument(reply, await oneDocument(edge, actor, query, row, request, reply));
    });
  });

  app.get('/transfers/:id/content', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const id = idIn(request);
      await edge.records.one(actor, transfer, id, new Set());
      const row = await transfers.find(actor, id);
      requireOwn(actor, row.credentialId);
      const gone = row.kind !== 'export' || row.expiresAt < new Date();
      if (gone || row.status !== 'succeeded') throw notFound('There is no archive to fetch.');
      const { attributes } = await edge.records.one(actor, workspace, row.workspaceId);
      const { slug } = JSON.parse(attributes) as { slug: string };
      const whole = { start: 0, end: row.size! };
      const sent = {
        ...{ path: `${slug}.zip`, contentType: 'application/zip', size: row.size! },
        ...{ tag: `"${id}"`, modified: row.finishedAt!, download: true },
        read: async (range: ByteRange = whole) =>
          Readable.from(transfers.read(actor, row.address!, range), { objectMode: false }),
      };
      return sendContent(sent, request, reply);
    }),
  );
}

/** The folder that an import goes to. @throws KyozoError `malformed` */
function folderIn(request: FastifyRequest): string {
  const { folderPath = '' } = request.query as { folderPath?: unknown };
  const path = typeof folderPath === 'string' ? folderPath : '/';
  const problem = path === '' ? undefined : checkPath(path);
  if (problem) throw malformed(problem.message, { parameter: 'folderPath' });
  return path;
}

/** What a session or key has exported goes with it: a later one of the same person asks anew. */
function requireOwn(actor: Actor, credentialId: string): void {
  if (actor.credential.id !== credentialId) throw notFound('There is no archive to fetch.');
}
