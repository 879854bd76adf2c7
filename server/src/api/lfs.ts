/**
 * Git LFS (its batch API, the basic transfer): what the rules keep outside git stands in the tree as a
 * pointer, and here are the bytes. Credentials are those of git. There are no locks.
 */
import type { Readable } from 'node:stream';
import type { Actor } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Pointer } from '../workspaces/lfs.ts';
import type { LfsStore } from '../workspaces/lfs-store.ts';
import { evaluate } from './conditions.ts';
import {
  type GitHttpOptions,
  type GitTarget,
  identify,
  mustWrite,
  type Params,
  PREFIX,
  problemOf,
  Refusal,
} from './git-http.ts';
import { takeJsonOf } from './read-json.ts';
import { refusePart } from './receive-body.ts';
import { rangeOf } from './send-content.ts';

export type LfsOptions = Pick<GitHttpOptions<Actor>, 'authenticate' | 'locate'> & {
  store: LfsStore;
  publicUrl: string;
};

type Batch = { operation?: unknown; transfers?: unknown; objects?: unknown; hash_algo?: unknown };
type Route = { Params: Params; Body: unknown };
type ObjectRoute = { Params: Params & { oid: string }; Body: Readable };

const MEDIA_TYPE = 'application/vnd.git-lfs+json';
const BASE = `${PREFIX}/info/lfs`;
const OID = /^[0-9a-f]{64}$/;
const MOST_OBJECTS = 1_000;
/** Bytes of a list of objects. */
const MOST_LIST = 2 ** 20;
/** Bytes of one object. */
const MOST_BYTES = 16 * 2 ** 30;
const LINK_SECONDS = 900;

/** Adds the routes below `…git/info/lfs`. Register it as a plugin: its body parsers stay inside. */
export async function lfs(app: FastifyInstance, options: LfsOptions): Promise<void> {
  const isKnown = async (request: FastifyRequest) => {
    await identify(options, request as FastifyRequest<Route>);
    return true;
  };
  takeJsonOf(app, [MEDIA_TYPE, 'application/json'], isKnown, MOST_LIST);
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.setErrorHandler((error, _request, reply) => answerError(error, reply));
  app.post<Route>(`${BASE}/objects/batch`, (request, reply) => batch(options, request, reply));
  app.post<Route>(`${BASE}/objects/verify`, (request, reply) => verify(options, request, reply));
  app.get<ObjectRoute>(`${BASE}/objects/:oid`, (request, reply) =>
    download(options, request, reply),
  );
  app.put<ObjectRoute>(`${BASE}/objects/:oid`, (request, reply) => upload(options, request, reply));
  // 404 tells a client that there are no locks, so that it pushes without asking for them.
  const none = async (request: FastifyRequest<Route>) => {
    await identify(options, request);
    throw new Refusal(404, 'There are no locks here.');
  };
  app.get<Route>(`${BASE}/locks`, none);
  app.post<Route>(`${BASE}/locks`, none);
  app.post<Route>(`${BASE}/locks/verify`, none);
}

async function batch(options: LfsOptions, request: FastifyRequest<Route>, reply: FastifyReply) {
  const { target } = await identify(options, request);
  const { operation, transfers, objects, hash_algo: hash } = (request.body ?? {}) as Batch;
  if (operation !== 'download' && operation !== 'upload') {
    throw new Refusal(422, 'The operation must be "download" or "upload".');
  }
  if (operation === 'upload') mustWrite(target);
  if (hash !== undefined && hash !== 'sha256') throw new Refusal(409, 'Only sha256 is understood.');
  if (Array.isArray(transfers) && transfers.length > 0 && !transfers.includes('basic')) {
    throw new Refusal(422, 'Only the basic transfer is understood.');
  }
  if (!Array.isArray(objects)) throw new Refusal(422, 'A list of objects is missing.');
  if (objects.length > MOST_OBJECTS) throw new Refusal(413, `At most ${MOST_OBJECTS} objects.`);
  const base = `${originOf(request, options.publicUrl)}${request.url.replace(/\/batch(\?.*)?$/, '')}`;
  const answers = [];
  for (const object of objects) {
    const pointer = readPointer(object);
    answers.push(await answerFor(options, target, operation, pointer, base, request));
  }
  return reply.type(MEDIA_TYPE).send({ transfer: 'basic', objects: answers, hash_algo: 'sha256' });
}

async function answerFor(
  { store }: LfsOptions,
  target: GitTarget,
  operation: 'download' | 'upload',
  { sha256, size }: Pointer,
  base: string,
  request: FastifyRequest,
) {
  const about = { oid: sha256, size, authenticated: true };
  const found = await store.find(target, target.workspaceId, sha256);
  const header = { Authorization: request.headers.authorization };
  const link = { href: `${base}/${sha256}`, header, expires_in: LINK_SECONDS };
  if (operation === 'download') {
    if (!found) return { oid: sha256, size, error: { code: 404, message: 'It is not here.' } };
    return { ...about, size: found.size, actions: { download: link } };
  }
  if (found) return about;
  if (size > MOST_BYTES) return { oid: sha256, size, error: { code: 422, message: 'Too large.' } };
  return { ...about, actions: { upload: link, verify: { ...link, href: `${base}/verify` } } };
}

async function verify(options: LfsOptions, request: FastifyRequest<Route>, reply: FastifyReply) {
  const { target } = await identify(options, request);
  const { sha256, size } = readPointer(request.body);
  const found = await options.store.find(target, target.workspaceId, sha256);
  if (found?.size !== size) throw new Refusal(404, 'It is not here.');
  return reply.type(MEDIA_TYPE).send({});
}

async function download(
  { store, ...options }: LfsOptions,
  request: FastifyRequest<ObjectRoute>,
  reply: FastifyReply,
) {
  const { target } = await identify(options, request);
  const found = await store.find(target, target.workspaceId, oidOf(request));
  if (!found) throw new Refusal(404, 'It is not here.');
  const tag = `"${found.sha256}"`;
  void reply.headers({
    'accept-ranges': 'bytes',
    etag: tag,
    'content-disposition': 'attachment',
    'x-content-type-options': 'nosniff',
  });
  const isCurrent = (value: string) => `"${value}"` === tag;
  if (evaluate(request, { isCurrent }).isKnown) return reply.code(304).send();
  const holds = [undefined, tag].includes(request.headers['if-range'] as string | undefined);
  const range =
    holds && request.method === 'GET' ? rangeOf(request.headers.range, found.size) : undefined;
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${found.size}`);
    throw new Refusal(416, 'The range lies behind the content.');
  }
  if (range) {
    void reply.code(206);
    void reply.header('content-range', `bytes ${range.start}-${range.end - 1}/${found.size}`);
  }
  const stream = await store.read(target, target.workspaceId, found, range);
  const length = range ? range.end - range.start : found.size;
  return reply.type('application/octet-stream').header('content-length', length).send(stream);
}

async function upload(
  options: LfsOptions,
  request: FastifyRequest<ObjectRoute>,
  reply: FastifyReply,
) {
  const { actor, target } = await identify(options, request);
  mustWrite(target);
  refusePart(request);
  const sha256 = oidOf(request);
  const size = Number(request.headers['content-length'] ?? Number.NaN);
  if (!Number.isSafeInteger(size)) throw new Refusal(411, 'The request must tell its length.');
  if (size > MOST_BYTES) throw new Refusal(413, 'The content is too large.');
  const writer = { ...actor, teamId: target.teamId };
  const body = size === 0 ? empty() : request.body;
  await options.store.put(writer, target.workspaceId, { sha256, size }, body);
  return reply.code(200).send();
}

async function* empty(): AsyncGenerator<Buffer> {}

function oidOf({ params }: FastifyRequest<ObjectRoute>): string {
  if (!OID.test(params.oid)) throw new Refusal(404, 'It is not here.');
  return params.oid;
}

function readPointer(value: unknown): Pointer {
  const { oid, size } = (value ?? {}) as { oid?: unknown; size?: unknown };
  const right = typeof oid === 'string' && OID.test(oid) && Number.isSafeInteger(size);
  if (!right || (size as number) < 0) throw new Refusal(422, 'An object needs an oid and a size.');
  return { sha256: oid, size: size as number };
}

/** The address at which the client reached us; users' own where it is that, with its scheme. */
function originOf(request: FastifyRequest, publicUrl: string): string {
  const known = new URL(publicUrl);
  return known.host === request.host ? known.origin : `${request.protocol}://${request.host}`;
}

function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const { code, message } = problemOf(error, reply);
  if (code === 401) reply.header('lfs-authenticate', 'Basic realm="Kyozo", charset="UTF-8"');
  return reply.code(code).type(MEDIA_TYPE).send({ message });
}
