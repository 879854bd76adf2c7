import { Readable } from 'node:stream';
import { isMediaType } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ByteRange } from '../storage/storage.ts';
import { evaluate } from './conditions.ts';

/** What is sent: bytes with a name, and what tells whether somebody has them already. */
export type Sent = {
  path: string;
  contentType: string;
  size: number;
  tag: string;
  /** When the content became what it is. */
  modified: Date;
  /** Whether the address always means these bytes. */
  immutable?: boolean;
  /** Whether it is to be kept as a file, whatever it is. */
  download?: boolean;
  read(range?: ByteRange): Promise<Readable>;
};

/** What a browser shows without running any of it; all else is handed over as a file. */
const harmless =
  /^(image\/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/(plain|markdown|csv)|application\/json)$/;

/**
 * Answers GET and HEAD with content: conditions (RFC 9110, 13), one byte range (14), and headers under
 * which nothing in it acts in the app's name.
 */
export async function sendContent(
  sent: Sent,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { tag, size } = sent;
  const modified = sent.modified.toUTCString();
  const inline = harmless.test(sent.contentType) && sent.download !== true;
  void reply.headers({
    etag: tag,
    'last-modified': modified,
    'accept-ranges': 'bytes',
    'cache-control': sent.immutable ? 'private, max-age=31536000, immutable' : 'private, no-cache',
    // Active content must never run in the app's origin.
    'content-security-policy': "sandbox; default-src 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'content-disposition': disposition(sent.path, inline ? 'inline' : 'attachment'),
    vary: 'Authorization, Kyozo-Team',
  });
  const isCurrent = (value: string) => `"${value}"` === tag;
  if (evaluate(request, { isCurrent, modified: sent.modified }).isKnown)
    return reply.code(304).send();
  const ifRange = request.headers['if-range'];
  const holds = ifRange === undefined || ifRange === tag || ifRange === modified;
  const range =
    holds && request.method === 'GET' ? rangeOf(request.headers.range, size) : undefined;
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${size}`);
    return reply.code(416).send();
  }
  if (range) {
    const { start, end } = range;
    void reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${size}`);
  }
  void reply
    .type(typeOf(sent.contentType))
    .header('content-length', range ? range.end - range.start : size);
  // An empty stream keeps the length that is set; Fastify would make it that of nothing.
  return reply.send(request.method === 'HEAD' ? Readable.from([]) : await sent.read(range));
}

function typeOf(contentType: string): string {
  // Kept from before media types were looked at.
  if (!isMediaType(contentType)) return 'application/octet-stream';
  const bare = contentType.startsWith('text/') && !contentType.includes(';');
  return bare ? `${contentType}; charset=utf-8` : contentType;
}

/** One byte range of RFC 9110; several ranges are answered with the whole, as it allows. */
export function rangeOf(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  if (header === undefined) return undefined;
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
function disposition(path: string, how: 'inline' | 'attachment'): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${how}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
