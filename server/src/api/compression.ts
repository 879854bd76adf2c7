import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Bytes below which compression saves no packet, and above which it would hold a thread for too long. */
const size = { least: 1_024, most: 8 * 2 ** 20 };
const compressible = /^application\/(?:[\w.+-]+\+)?(?:json|javascript)\b/;
/** Quality 4 takes the time of gzip and sends a tenth less; 11 would take fifty times as long. */
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
const encoders = {
  br: (bytes: Buffer) => promisify(brotliCompress)(bytes, brotli),
  gzip: (bytes: Buffer) => promisify(gzip)(bytes),
};

/**
 * Compresses what the API reads, on zlib's threads. Streams, and whatever has an entity tag, are sent as
 * they are: a tag names the very bytes. Answers to writes may hold a new token or key, and a secret is
 * never compressed together with what a client has sent (BREACH).
 */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isReading(request) || !isCompressible(reply)) return payload;
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    varyByEncoding(reply);
    const bytes = Buffer.from(payload);
    const encoding = encodingFor(request);
    if (!encoding || bytes.length < size.least || bytes.length > size.most) return payload;
    const compressed = await encoders[encoding](bytes);
    void reply.header('content-encoding', encoding).header('content-length', compressed.length);
    return compressed;
  });
}

/** GraphQL's queries come by POST, too; its mutations are marked `no-store`. */
const isReading = ({ method, routeOptions }: FastifyRequest) =>
  method === 'GET' || (method === 'POST' && routeOptions.url === '/api/graphql');

const isCompressible = (reply: FastifyReply) =>
  compressible.test(String(reply.getHeader('content-type') ?? '')) &&
  reply.statusCode !== 206 &&
  reply.getHeader('cache-control') !== 'no-store' &&
  !reply.hasHeader('etag') &&
  !reply.hasHeader('content-encoding');

function varyByEncoding(reply: FastifyReply): void {
  const others = reply.getHeader('vary');
  void reply.header('vary', [others, 'Accept-Encoding'].filter(Boolean).join(', '));
}

/** Programs that send no `Accept-Encoding` may decode none. */
function encodingFor(request: FastifyRequest): keyof typeof encoders | undefined {
  const header = String(request.headers['accept-encoding'] ?? '').toLowerCase();
  const accepted = negotiate(header, ['br', 'gzip', 'identity']);
  return accepted === 'br' || accepted === 'gzip' ? accepted : undefined;
}
