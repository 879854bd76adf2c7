import { authorize } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { valuesOf } from '../records.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import type { FileRow } from '../workspaces/content-store.ts';
import { file } from '../workspaces/file.ts';
import type { FileStore } from '../workspaces/file-store.ts';
import { asActor, type Edge } from './context.ts';
import { idIn, ifVersionOf, matches, oneDocument, queryOf } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
type Content = {
  files: FileStore;
  workspaces: Workspaces;
  changed: (teamId: string) => void;
  limit: number;
};

/** `GET` and `PUT /files/:id/content`: the raw bytes. */
export async function content(
  app: FastifyInstance,
  edge: Edge,
  { files, workspaces, changed, limit }: Content,
): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: limit }, (_request, body, done) =>
    done(null, body),
  );
  app.setErrorHandler(answerError);

  app.get('/files/:id/content', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      await edge.records.one(actor, file, idIn(request), new Set());
      const row = await files.find(actor, idIn(request));
      return send(files, actor, row, request, reply);
    }),
  );

  app.put('/files/:id/content', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const id = idIn(request);
      const record = await edge.records.one(actor, file, id);
      authorize(file, 'write', actor, valuesOf(file, record));
      const ifVersion = contentVersionOf(request, await files.find(actor, id));
      const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
      const contentType = request.headers['content-type']?.split(';')[0]?.trim();
      await workspaces.publish(actor, id);
      await files.write(actor, id, body, { ifVersion, contentType });
      await workspaces.follow(actor, id);
      changed(actor.teamId);
      const row = await edge.records.one(actor, file, id);
      const text = await oneDocument(
        edge,
        actor,
        queryOf(edge, file, request),
        row,
        request,
        reply,
      );
      return sendDocument(reply.header('etag', contentTag(await files.find(actor, id))), text);
    }),
  );
}

async function send(
  files: FileStore,
  actor: Parameters<FileStore['read']>[0],
  row: FileRow,
  request: WithId,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const tag = contentTag(row);
  void reply.headers({
    etag: tag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    // Active content must never run in the app's origin.
    'content-security-policy': "sandbox; default-src 'none'",
    'content-disposition': disposition(row.path),
    vary: 'Authorization',
  });
  if (matches(request.headers['if-none-match'], tag)) return reply.code(304).send();
  const range = rangeOf(
    request.headers.range,
    row.size,
    request.headers['if-range'] as string | undefined,
    tag,
  );
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${row.size}`);
    return reply.code(416).send();
  }
  if (range)
    void reply
      .code(206)
      .header('content-range', `bytes ${range.start}-${range.end - 1}/${row.size}`);
  const stream = await files.read(actor, row, range);
  const type = row.content_type.startsWith('text/')
    ? `${row.content_type}; charset=utf-8`
    : row.content_type;
  return reply
    .type(type)
    .header('content-length', range ? range.end - range.start : row.size)
    .send(stream);
}

/** The entity tag of content: its digest. */
const contentTag = (row: FileRow) => `"${row.sha256?.slice(0, 32) ?? 'empty'}"`;

/** The row version that an `If-Match` stands for; it may name the content or the record. */
function contentVersionOf(request: FastifyRequest, row: FileRow): string | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') return undefined;
  return header.trim() === contentTag(row) ? row.row_version : (ifVersionOf(request) ?? 'none');
}

/** One byte range of RFC 9110; several ranges are answered with the whole, as it allows. */
export function rangeOf(
  header: string | undefined,
  size: number,
  ifRange: string | undefined,
  tag: string,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  if (header === undefined || (ifRange !== undefined && ifRange !== tag)) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, first, last] = match;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (start >= size) return 'unsatisfiable';
  return end <= start ? undefined : { start, end };
}

/** A `Content-Disposition` that parses back to the same name (RFC 6266, RFC 8187). */
function disposition(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
