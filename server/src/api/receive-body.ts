import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { KyozoError, malformed } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { inBatches } from './batches.ts';

/** A body as it comes; `size` in bytes where the sender has said it. */
export type Received = { body: AsyncIterable<Uint8Array>; size: number | undefined };

/** Bytes that are written at once. */
const batch = 2 ** 19;

/** Leaves bodies unread until their handler reads them: for the routes of a scope. */
export function streamBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => done(null, body));
}

/**
 * The body of a request, to be read once, in pieces. Reading throws when it breaks off, is larger than
 * `limit` bytes, or is not what its digests say (Content-MD5; Digest; Content-Digest and Repr-Digest of
 * RFC 9530). `body` is given where it is not read yet. @throws KyozoError `too_large`, `unsupported_media_type`, `malformed`
 */
export function receive(
  request: FastifyRequest,
  limit: number,
  body = request.body as Readable | undefined | null,
): Received {
  const coding = request.headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new KyozoError('unsupported_media_type', 'Send the content without a Content-Encoding.');
  }
  refusePart(request);
  const length = request.headers['content-length'];
  const size = length === undefined ? undefined : Number(length);
  if (size !== undefined && size > limit) throw tooLarge(limit);
  const digests = digestsOf(request);
  if (!body) return { body: checked([], limit, digests), size: 0 };
  return { body: inBatches(checked(piecesOf(body), limit, digests), batch), size };
}

/** A part must never become the whole (RFC 9110, 14.5). @throws KyozoError `malformed` */
export function refusePart(request: FastifyRequest): void {
  if (request.headers['content-range'] === undefined || request.method === 'PATCH') return;
  throw malformed('Send the whole content: Content-Range is not for requests.', {
    header: 'Content-Range',
  });
}

/** All that came of a body, also when it breaks off: what a stream still holds then, its iterator drops. */
async function* piecesOf(body: Readable): AsyncGenerator<Uint8Array> {
  try {
    // Whoever stops reading must leave the connection as it is, or the answer would not arrive.
    yield* body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    for (let rest = body.read(); rest !== null; rest = body.read()) yield rest;
    throw error;
  }
}

type Digest = { header: string; hash: Hash; expected: Buffer };

async function* checked(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: number,
  digests: readonly Digest[],
): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const piece of pieces) {
      size += piece.length;
      if (size > limit) throw tooLarge(limit);
      for (const { hash } of digests) hash.update(piece);
      yield piece;
    }
  } catch (error) {
    // A client that goes away is no failure of ours.
    if (!brokenOff.has((error as { code?: string }).code ?? '')) throw error;
    throw new KyozoError('malformed', 'The content broke off.', { cause: error });
  }
  for (const { header, hash, expected } of digests) {
    if (!hash.digest().equals(expected))
      throw malformed(`The content is not what ${header} says; nothing was changed.`, { header });
  }
}

const brokenOff = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE']);

const tooLarge = (limit: number) =>
  new KyozoError('too_large', `The content is larger than ${limit} bytes.`);

const algorithms: Record<string, string> = {
  'sha-256': 'sha256',
  'sha-512': 'sha512',
  md5: 'md5',
  sha: 'sha1',
};

/** Every digest that the headers give, in algorithms that are known; the others say nothing to us. */
function digestsOf(request: FastifyRequest): Digest[] {
  const md5 = request.headers['content-md5'];
  const given = md5 === undefined ? [] : [digest('Content-MD5', 'md5', String(md5))];
  for (const header of ['Digest', 'Content-Digest', 'Repr-Digest']) {
    const value = request.headers[header.toLowerCase()];
    if (value === undefined) continue;
    for (const part of String(value).split(',')) {
      const match = /^\s*([A-Za-z0-9-]+)=(:?)([A-Za-z0-9+/]+=*)\2\s*$/.exec(part);
      // Digest of RFC 3230 is bare, the dictionaries of RFC 9530 stand between colons.
      if (!match || (match[2] === ':') !== (header !== 'Digest')) throw unreadable(header);
      const algorithm = algorithms[match[1]!.toLowerCase()];
      if (algorithm) given.push(digest(header, algorithm, match[3]!));
    }
  }
  return given;
}

function digest(header: string, algorithm: string, text: string): Digest {
  const hash = createHash(algorithm);
  const expected = Buffer.from(text, 'base64');
  if (expected.length !== hash.copy().digest().length) throw unreadable(header);
  return { header, hash, expected };
}

const unreadable = (header: string) =>
  malformed(`${header} is not a digest that can be read.`, { header });
