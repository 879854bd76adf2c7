import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { malformed } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { actorOf, type Edge, type RequestHead } from './context.ts';
import { receive } from './receive-body.ts';

/** Bytes that may be sent before anybody is known. */
export const strangersLimit = 64 * 2 ** 10;
/** Arrays and objects in one another, and values and names in all; JSON.parse takes 20 ms for so many. */
const most = { depth: 100, values: 200_000 };
/** Milliseconds in which a client may send the rest of a body that is refused. */
const restTime = 3_000;

/**
 * Reads the JSON bodies of a scope. A body over `strangersLimit` is read only for somebody whose
 * credential is right, up to the server's limit, and no value is built of a body that nests too
 * deeply or holds too many. An empty body is undefined.
 * @throws KyozoError `too_large`, `malformed`, and as `actorOf` does
 */
export function takeJson(app: FastifyInstance, types: string | string[], edge: Edge): void {
  const isKnown = async (request: RequestHead) => (await actorOf(edge, request)) !== undefined;
  takeJsonOf(app, types, isKnown);
}

/** The same where a protocol has its own way to say who asks; `limit` is in bytes. */
export function takeJsonOf(
  app: FastifyInstance,
  types: string | string[],
  isKnown: (request: FastifyRequest) => Promise<boolean>,
  limit?: number,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(types, async (request: FastifyRequest, body: IncomingMessage) => {
    const length = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
    const large = length > strangersLimit && (await isKnown(request));
    const allowed = large ? (limit ?? request.routeOptions.bodyLimit) : strangersLimit;
    return parseJson(await bytesOf(request, body, allowed));
  });
}

async function bytesOf(
  request: FastifyRequest,
  body: IncomingMessage,
  limit: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of receive(request, limit, body).body) chunks.push(chunk);
  } catch (error) {
    // Fastify closes the connection with its answer, and a client that still sends would not read it.
    const signal = AbortSignal.timeout(restTime);
    await finished(body.resume(), { signal }).catch(() => undefined);
    throw error;
  }
  return Buffer.concat(chunks);
}

/** The value of a JSON text, its shape looked at first. @throws KyozoError `malformed` */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  checkShape(bytes);
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw malformed('The body is not JSON.', { pointer: '' });
  }
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** One pass over the bytes. @throws KyozoError `malformed` when they nest too deeply or hold too much */
export function checkShape(bytes: Buffer): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfText(bytes, at);
    else if (byte === openArray || byte === openObject) depth += 1;
    else if (byte === closeArray || byte === closeObject) depth -= 1;
    if (byte === comma || byte === openArray || byte === openObject) values += 1;
    if (depth > most.depth)
      throw malformed(`The request is nested too deeply: at most ${most.depth} levels.`);
    if (values > most.values)
      throw malformed(`The request holds too much: at most ${most.values} values.`);
  }
}

/** Where the text that begins at `start` ends: at the first quote behind an even number of backslashes. */
function endOfText(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); end >= 0; end = bytes.indexOf(quote, end + 1)) {
    let before = end - 1;
    while (bytes[before] === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return bytes.length;
}
