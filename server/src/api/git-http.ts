/**
 * Git over HTTP: clone and fetch by git's own upload-pack, streamed both ways; pushes go to `Pushes`.
 * Nothing of the request reaches the command line; the repository is found by the workspace's uuid.
 */
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Child } from '../spawn/child.ts';
import type { Spawner } from '../spawn/spawner.ts';
import { GIT_ENVIRONMENT } from '../storage/git/environment.ts';
import type { GitStorage } from '../storage/git.ts';
import type { PushReport, PushRequest, PushTarget } from '../workspaces/push.ts';
import { faultsBehind, statusFor } from './errors.ts';
import { advertisement, readPush, writeReport } from './git-receive.ts';

export type GitTarget = PushTarget & {
  head: string | null;
  /** Branches and tags but `main`. */
  refs: ReadonlyMap<string, string>;
  mayWrite: boolean;
  archived: boolean;
};

export type GitHttpOptions<Actor> = {
  /** The actor behind a Basic credential; undefined when it is wrong. */
  authenticate(username: string, password: string): Promise<Actor | undefined>;
  /** The workspace when the actor may see it; `fresh`: after its pending edits have been committed. */
  locate(
    actor: Actor,
    teamSlug: string,
    workspaceSlug: string,
    fresh: boolean,
  ): Promise<GitTarget | undefined>;
  /** Takes a push; whom it is to be refused is in its report. */
  receive(actor: Actor, target: GitTarget, push: PushRequest): Promise<PushReport>;
  /** Branches and tags in one push. */
  mostRefs: number;
  spawner: Spawner;
  storages: { git: GitStorage };
};

export type Params = { team: string; workspace: string };
type Route = { Params: Params; Querystring: { service?: string } };

export const PREFIX = '/git/:team/:workspace.git';
const UPLOAD = 'git-upload-pack';
const RECEIVE = 'git-receive-pack';
const MAIN = 'refs/heads/main';
const SLUG = /^[a-z0-9][a-z0-9-]{0,127}$/;
const PROTOCOL = /^version=[0-2](:[\w.=-]{1,200})*$/;
/** What a client may ask in one request, after decompression: room for 600,000 haves. */
const MAX_REQUEST = 32 * 1024 * 1024;

export class Refusal extends Error {
  readonly statusCode: number;
  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/**
 * Adds the routes below `/git/`. Register it as a plugin: its body parsers stay inside. An error with
 * a `statusCode` below 500 that the options throw (429 for one) is answered with its message.
 */
export async function gitHttp<Actor>(
  app: FastifyInstance,
  options: GitHttpOptions<Actor>,
): Promise<void> {
  for (const service of [UPLOAD, RECEIVE]) {
    const type = `application/x-${service}-request`;
    app.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }
  app.setErrorHandler((error, _request, reply) => answerError(error, reply));
  app.get<Route>(`${PREFIX}/info/refs`, (request, reply) => advertise(options, request, reply));
  app.post<Route>(`${PREFIX}/${UPLOAD}`, (request, reply) => upload(options, request, reply));
  app.post<Route>(`${PREFIX}/${RECEIVE}`, (request, reply) => receive(options, request, reply));
}

async function advertise<Actor>(
  options: GitHttpOptions<Actor>,
  request: FastifyRequest<Route>,
  reply: FastifyReply,
) {
  const { target, repository } = await find(options, request);
  const { service } = request.query;
  if (service === RECEIVE) {
    mustWrite(target);
    const refs = new Map([...(target.head ? [[MAIN, target.head] as const] : []), ...target.refs]);
    noCache(reply).type(`application/x-${RECEIVE}-advertisement`);
    return reply.send(advertisement(refs));
  }
  if (service !== UPLOAD) throw new Refusal(403, 'Only the smart protocol of git is served here.');
  const protocol = readProtocol(request);
  const child = uploadPack(options.spawner, repository, protocol, ['--advertise-refs']);
  child.stdin.end();
  noCache(reply).type(`application/x-${UPLOAD}-advertisement`);
  const output = new PassThrough();
  if (!protocol?.includes('version=2')) output.write(`001e# service=${UPLOAD}\n0000`);
  return reply.send(serve(child, output, reply));
}

async function upload<Actor>(
  options: GitHttpOptions<Actor>,
  request: FastifyRequest<Route>,
  reply: FastifyReply,
) {
  const { repository } = await find(options, request);
  const { body, gzip } = bodyOf(request, UPLOAD);
  const child = uploadPack(options.spawner, repository, readProtocol(request), []);
  const stages = gzip ? [createGunzip(), limiter()] : [limiter()];
  void pipeline([body, ...stages, child.stdin]).catch((error) => {
    // Git may stop reading early; any other end of the request is the end of the answer.
    if (error.code !== 'EPIPE') child.kill();
  });
  noCache(reply).type(`application/x-${UPLOAD}-result`);
  return reply.send(serve(child, new PassThrough(), reply));
}

async function receive<Actor>(
  options: GitHttpOptions<Actor>,
  request: FastifyRequest<Route>,
  reply: FastifyReply,
) {
  const { actor, target } = await find(options, request);
  mustWrite(target);
  const { body, gzip } = bodyOf(request, RECEIVE);
  const plain = gzip ? body.compose(createGunzip()) : body;
  const push = await readPush(plain as Readable, options.mostRefs);
  noCache(reply).type(`application/x-${RECEIVE}-result`);
  if (!push) return reply.send(Buffer.alloc(0));
  return reply.send(writeReport(await options.receive(actor, target, push), push));
}

function bodyOf(request: FastifyRequest, service: string): { body: Readable; gzip: boolean } {
  const body = request.body as Readable | undefined;
  const type = `application/x-${service}-request`;
  if (!body || request.headers['content-type'] !== type) {
    throw new Refusal(415, `The request must be of type ${type}.`);
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (!['gzip', 'x-gzip', 'identity'].includes(encoding)) {
    throw new Refusal(415, 'Only gzip is understood as a content encoding.');
  }
  return { body, gzip: encoding !== 'identity' };
}

export function mustWrite({ mayWrite, archived }: GitTarget): void {
  if (!mayWrite) throw new Refusal(403, 'This credential may read here, but not push.');
  if (archived) throw new Refusal(403, 'The workspace is archived; nothing can be pushed to it.');
}

/** Who asks for which workspace. @throws Refusal 401 for a wrong credential, 404 for whom it is not */
export async function identify<Actor>(
  options: Pick<GitHttpOptions<Actor>, 'authenticate' | 'locate'>,
  request: FastifyRequest<{ Params: Params }>,
): Promise<{ actor: Actor; target: GitTarget }> {
  const credential = readBasic(request.headers.authorization);
  const actor = credential && (await options.authenticate(...credential));
  if (!actor) throw new Refusal(401, 'Sign in with an access token or an API key as the password.');
  const { team, workspace } = request.params;
  const readable = SLUG.test(team) && SLUG.test(workspace);
  const target = readable
    ? await options.locate(actor, team, workspace, request.method === 'GET')
    : undefined;
  if (!target) throw new Refusal(404, 'There is no such repository.');
  return { actor, target };
}

/** The workspace and its repository's folder, its refs put right; a Refusal for whom it is not. */
async function find<Actor>(options: GitHttpOptions<Actor>, request: FastifyRequest<Route>) {
  const { actor, target } = await identify(options, request);
  await options.storages.git.repairRefs(target.workspaceId, target.head, target.refs);
  return { actor, target, repository: options.storages.git.folder(target.workspaceId) };
}

function uploadPack(
  spawner: Spawner,
  repository: string,
  protocol: string | undefined,
  more: string[],
): Child {
  const settings = ['-c', 'safe.directory=*', '-c', 'core.hooksPath=/dev/null'];
  const args = [...settings, 'upload-pack', '--strict', '--stateless-rpc', ...more, repository];
  const env = protocol ? { ...GIT_ENVIRONMENT, GIT_PROTOCOL: protocol } : GIT_ENVIRONMENT;
  return spawner.spawn('git', args, { cwd: '/', env });
}

function serve(child: Child, output: PassThrough, reply: FastifyReply): PassThrough {
  child.stderr.resume();
  void pipeline(child.stdout, output).catch(() => child.kill());
  child.exited.catch((error) => output.destroy(error));
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) child.kill();
  });
  return output;
}

function limiter(): Transform {
  let left = MAX_REQUEST;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length;
      if (left < 0) done(new Refusal(413, 'The request is too large.'));
      else done(null, chunk);
    },
  });
}

function readBasic(header: string | undefined): [string, string] | undefined {
  const match = /^basic +([\w+/]+=*)$/i.exec(header ?? '');
  const text = match ? Buffer.from(match[1]!, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function readProtocol(request: FastifyRequest): string | undefined {
  const header = request.headers['git-protocol'];
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !PROTOCOL.test(header)) {
    throw new Refusal(400, 'The Git-Protocol header is not understood.');
  }
  return header;
}

function noCache(reply: FastifyReply): FastifyReply {
  return reply.headers({
    expires: 'Fri, 01 Jan 1980 00:00:00 GMT',
    pragma: 'no-cache',
    'cache-control': 'no-cache, max-age=0, must-revalidate',
  });
}

/** The status and the sentence for anything that was thrown at an edge of git; the cause is logged only. */
export function problemOf(error: unknown, reply: FastifyReply): { code: number; message: string } {
  const { statusCode, message } = error as Partial<Refusal>;
  const known = statusCode !== undefined && statusCode < 500;
  const [fault, ...others] = faultsBehind(error);
  const code = known ? statusCode : statusFor([fault!, ...others]);
  if (code >= 500) reply.log.error(error);
  if (code === 401) reply.header('www-authenticate', 'Basic realm="Kyozo", charset="UTF-8"');
  const said = code === 500 ? 'Something went wrong on the server.' : fault!.message;
  return { code, message: known ? message! : said };
}

/** Plain text: git shows it to the user as `remote:` lines. */
function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const { code, message } = problemOf(error, reply);
  return reply.code(code).type('text/plain; charset=utf-8').send(`${message}\n`);
}
