import { type Actor, authorize, invalid, isMediaType, isUuid, KyozoError } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { folderOf } from '../uploads/finish-upload.ts';
import {
  bytesIn,
  checksumIn,
  describe,
  isPiece,
  metadataIn,
  requireVersion,
  tusVersion,
} from '../uploads/tus.ts';
import {
  ChecksumMismatch,
  type Finish,
  type NewUpload,
  UploadExpired,
  type UploadStore,
} from '../uploads/upload-store.ts';
import { file } from '../workspaces/file.ts';
import { requirePath } from '../workspaces/put-at-path.ts';
import { workspace } from '../workspaces/workspace.ts';
import { asActor, asOnce, type Edge } from './context.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';
import { receive, streamBodies } from './receive-body.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
type Parts = {
  uploads: UploadStore;
  /** Makes of a complete upload what it is for; answers the address of that. */
  finish(actor: Actor, ...upload: Parameters<Finish>): Promise<string>;
  limit: number;
};

/** tus 1.0 at `/uploads`: content that is sent in pieces and goes on where it was cut off. */
export async function uploads(app: FastifyInstance, edge: Edge, parts: Parts): Promise<void> {
  streamBodies(app);
  app.setErrorHandler(answerTusError);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'tus-resumable': tusVersion, 'cache-control': 'no-store' });
    requireVersion(request);
  });
  app.post('/uploads', async (request, reply) => create(edge, parts, request, reply));
  app.head('/uploads/:id', async (request: WithId, reply) => tell(edge, parts, request, reply));
  app.patch('/uploads/:id', async (request: WithId, reply) => append(edge, parts, request, reply));
  app.delete('/uploads/:id', async (request: WithId, reply) => end(edge, parts, request, reply));
  // For clients that may only GET and POST.
  app.post('/uploads/:id', async (request: WithId, reply) => {
    const method = request.headers['x-http-method-override'];
    if (method === 'PATCH') return append(edge, parts, request, reply);
    if (method === 'DELETE') return end(edge, parts, request, reply);
    throw new KyozoError('method_not_allowed', 'An upload is continued by PATCH.');
  });
}

async function create(
  edge: Edge,
  { uploads: store, finish, limit }: Parts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const length = bytesIn(request, 'Upload-Length');
  if (length > limit)
    throw new KyozoError('too_large', `The upload is larger than ${limit} bytes.`);
  const wanted = wantedBy(request, length);
  const checksum = checksumIn(request);
  const made = await asActor(edge, request, async (actor) => {
    await edge.records.one(actor, workspace, wanted.workspaceId, new Set());
    authorize(file, 'create', actor);
    return { actor, upload: await store.create(actor, wanted) };
  });
  void reply.code(201).header('location', `/api/v1/uploads/${made.upload.id}`);
  const received = receive(request, length);
  if (!isPiece(request) && length > 0) return describe(made.upload, reply).send();
  const stop = () => request.raw.destroy();
  const upload = await asOnce(edge, request, () =>
    store.alone(made.upload.id, stop, () =>
      store.append(made.actor, made.upload, received, checksum, (it, body) =>
        finish(made.actor, it, body),
      ),
    ),
  );
  return describe(upload, reply).send();
}

/** @throws KyozoError for metadata that names no place, or one where no file can be */
function wantedBy(request: FastifyRequest, length: number): NewUpload {
  const { raw, values } = metadataIn(request);
  const source = { header: 'Upload-Metadata' };
  const workspaceId = values.get('workspaceId') ?? '';
  if (!isUuid(workspaceId)) throw invalid('The metadata must name a workspaceId.', source);
  const purpose = values.get('purpose') ?? 'file';
  if (purpose !== 'file' && purpose !== 'import')
    throw invalid('The purpose is file or import.', source);
  // A folder that is dropped gives each file its path below that folder.
  const path = values.get('path') ?? values.get('relativePath') ?? '';
  if (purpose === 'file') requirePath(path);
  else if (path.includes('/')) requirePath(folderOf(path));
  const contentType = values.get('contentType') ?? null;
  if (contentType !== null && !isMediaType(contentType))
    throw invalid('contentType must be a media type.', { header: 'Upload-Metadata' });
  return { workspaceId, purpose, path, contentType, metadata: raw, length };
}

async function tell(
  edge: Edge,
  { uploads: store }: Parts,
  request: WithId,
  reply: FastifyReply,
): Promise<FastifyReply> {
  return asActor(edge, request, async (actor) => {
    const id = idIn(request);
    await store.find(actor, id);
    // Who asks has lost the connection that was sending, which may not have been noticed yet.
    const upload = await store.alone(
      id,
      () => undefined,
      () => store.find(actor, id),
    );
    void reply.header('upload-length', String(upload.length));
    if (upload.metadata !== '') void reply.header('upload-metadata', upload.metadata);
    return describe(upload, reply).send();
  });
}

async function append(
  edge: Edge,
  { uploads: store, finish }: Parts,
  request: WithId,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!isPiece(request))
    throw new KyozoError('unsupported_media_type', 'Send application/offset+octet-stream.');
  const offset = bytesIn(request, 'Upload-Offset');
  const checksum = checksumIn(request);
  return asActor(edge, request, async (actor) => {
    const id = idIn(request);
    await store.find(actor, id);
    const stop = () => request.raw.destroy();
    const upload = await store.alone(id, stop, async () => {
      const found = await store.find(actor, id);
      // The answer to its last piece was lost, and here that piece comes again.
      if (found.result !== null && offset <= found.length) return found;
      if (found.received !== offset) {
        void reply.header('upload-offset', String(found.received));
        throw new KyozoError('conflict', `The upload goes on at byte ${found.received}.`);
      }
      const received = receive(request, found.length - offset);
      return store.append(actor, found, received, checksum, (it, body) => finish(actor, it, body));
    });
    return describe(upload, reply).code(204).send();
  });
}

async function end(
  edge: Edge,
  { uploads: store }: Parts,
  request: WithId,
  reply: FastifyReply,
): Promise<FastifyReply> {
  return asActor(edge, request, async (actor) => {
    const id = idIn(request);
    await store.find(actor, id);
    await store.alone(
      id,
      () => undefined,
      () => store.remove(actor, id),
    );
    return reply.code(204).send();
  });
}

/** As everywhere, and the two statuses that tus has for itself. */
function answerTusError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const own =
    error instanceof ChecksumMismatch
      ? { status: '460', code: 'checksum_mismatch', detail: 'The piece is not what it was.' }
      : error instanceof UploadExpired
        ? { status: '410', code: 'expired', detail: 'The upload has expired; begin it anew.' }
        : undefined;
  if (!own) return answerError(error, request, reply);
  const text = JSON.stringify({ jsonapi: { version: '1.1' }, errors: [own] });
  return sendDocument(reply.code(Number(own.status)), text);
}
