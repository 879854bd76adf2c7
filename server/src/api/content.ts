import { authorize, invalid, isMediaType } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { valuesOf } from '../records.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import type { FileRow, Content as Stored } from '../workspaces/content-store.ts';
import { file } from '../workspaces/file.ts';
import type { FileStore } from '../workspaces/file-store.ts';
import { fileVersion } from '../workspaces/file-version.ts';
import { evaluate } from './conditions.ts';
import { asActor, type Edge } from './context.ts';
import { requireIncludes } from './jsonapi/include.ts';
import { idIn, namesVersion, oneDocument, queryOf } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';
import { receive, streamBodies } from './receive-body.ts';
import { sendContent } from './send-content.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
type Content = {
  files: FileStore;
  workspaces: Workspaces;
  changed: (teamId: string) => void;
  limit: number;
};

/** `GET` and `PUT /files/:id/content` and `GET /file-versions/:id/content`: the raw bytes, as streams. */
export async function content(
  app: FastifyInstance,
  edge: Edge,
  { files, workspaces, changed, limit }: Content,
): Promise<void> {
  streamBodies(app);
  app.setErrorHandler(answerError);

  app.get('/files/:id/content', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const id = idIn(request);
      const seen = edge.records.one(actor, file, id, new Set());
      const [row] = await Promise.all([files.find(actor, id), seen]);
      return send(files, actor, row, request, reply);
    }),
  );

  app.get('/file-versions/:id/content', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      await edge.records.one(actor, fileVersion, idIn(request), new Set());
      const row = await files.version(actor, idIn(request));
      return send(files, actor, row, request, reply, true);
    }),
  );

  app.put('/files/:id/content', async (request: WithId, reply) => {
    const received = receive(request, limit);
    // The work may be tried twice (see `asActor`); the body comes once.
    let stored: Stored | undefined;
    return asActor(edge, request, async (actor) => {
      const id = idIn(request);
      const [record, seen] = await Promise.all([
        edge.records.one(actor, file, id),
        files.find(actor, id),
      ]);
      authorize(file, 'write', actor, valuesOf(file, record));
      await edge.records.requireOpen(actor, file, id);
      const ifVersion = contentVersionOf(request, seen);
      const contentType = mediaTypeIn(request);
      const where = { workspaceId: seen.workspace_id, path: seen.path };
      const said = { contentType, size: received.size };
      stored ??= await files.store(actor, where, received.body, said);
      await workspaces.publishIfPossible(actor, id);
      const query = queryOf(edge, file, request);
      requireIncludes(edge, actor, file, query.include);
      const written = await files.write(actor, id, stored, { ifVersion, seen });
      await workspaces.follow(actor, id);
      changed(actor.teamId);
      const row = written.row ?? record;
      const text = await oneDocument(edge, actor, query, row, request, reply);
      return sendDocument(reply.header('etag', contentTag(stored)), text);
    });
  });
}

function send(
  files: FileStore,
  actor: Parameters<FileStore['read']>[0],
  row: FileRow,
  request: WithId,
  reply: FastifyReply,
  immutable = false,
): Promise<FastifyReply> {
  const sent = {
    path: row.path,
    contentType: row.content_type,
    size: Number(row.size),
    tag: contentTag(row),
    modified: row.updated_at,
    immutable,
    download: (request.query as Record<string, unknown>).download !== undefined,
    read: files.read.bind(files, actor, row),
  };
  return sendContent(sent, request, reply);
}

/** The media type that the sender names, without its parameters. @throws KyozoError `invalid` */
function mediaTypeIn(request: WithId): string | undefined {
  const type = request.headers['content-type']?.split(';')[0]?.trim();
  if (type === undefined || isMediaType(type)) return type;
  throw invalid('Content-Type must be a media type.', { header: 'Content-Type' });
}

/** The entity tag of content: its digest. */
const contentTag = ({ sha256 }: Pick<FileRow, 'sha256'>) => `"${sha256?.slice(0, 32) ?? 'empty'}"`;

/** The row version that the write must meet; a condition may name the content or the record. */
function contentVersionOf(request: FastifyRequest, row: FileRow): string | undefined {
  const isCurrent = (tag: string) =>
    `"${tag}"` === contentTag(row) || namesVersion(tag, row.row_version);
  const { isPinned } = evaluate(request, { isCurrent, modified: row.updated_at });
  return isPinned ? row.row_version : undefined;
}
