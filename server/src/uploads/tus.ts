import { KyozoError, malformed } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Checksum, Upload } from './upload-store.ts';

/** The headers of tus 1.0: what we speak, how we read it, how we say it. */
export const tusVersion = '1.0.0';

export const tusOptions = (limit: number): Record<string, string> => ({
  'Tus-Resumable': tusVersion,
  'Tus-Version': tusVersion,
  'Tus-Extension': 'creation,creation-with-upload,expiration,checksum,termination',
  'Tus-Checksum-Algorithm': 'sha1,sha256,md5',
  'Tus-Max-Size': String(limit),
});

/** What another origin's page may read of an answer. */
export const exposed = [
  ...['Location', 'Upload-Offset', 'Upload-Length', 'Upload-Expires', 'Upload-Metadata'],
  ...['Upload-Result', 'Tus-Resumable', 'Tus-Version', 'Tus-Extension', 'Tus-Max-Size'],
];

/** @throws KyozoError `precondition_failed` for a client of another version */
export function requireVersion(request: FastifyRequest): void {
  if (request.headers['tus-resumable'] === tusVersion) return;
  const source = { header: 'Tus-Resumable' };
  throw new KyozoError('precondition_failed', `This server speaks tus ${tusVersion}.`, { source });
}

export const isPiece = (request: FastifyRequest): boolean =>
  request.headers['content-type'] === 'application/offset+octet-stream';

/** A count of bytes in a header. @throws KyozoError `malformed` */
export function bytesIn(request: FastifyRequest, header: string): number {
  const raw = request.headers[header.toLowerCase()];
  const value = Number(raw);
  if (typeof raw !== 'string' || !/^\d{1,15}$/.test(raw))
    throw malformed(`${header} must be a whole number of bytes.`, { header });
  return value;
}

/** The pairs of `Upload-Metadata`. @throws KyozoError `malformed` */
export function metadataIn(request: FastifyRequest): { raw: string; values: Map<string, string> } {
  const raw = String(request.headers['upload-metadata'] ?? '');
  const values = new Map<string, string>();
  for (const pair of raw.split(',')) {
    if (pair.trim() === '') continue;
    const match = /^([^ ,]+)(?: ([A-Za-z0-9+/]*={0,2}))?$/.exec(pair.trim());
    if (!match || values.has(match[1]!)) throw unreadable('Upload-Metadata');
    const bytes = Buffer.from(match[2] ?? '', 'base64');
    try {
      // A mark at the start is a character of the name like any other.
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      values.set(match[1]!, text);
    } catch {
      throw unreadable('Upload-Metadata');
    }
  }
  return { raw, values };
}

/** The checksum that a piece must have. @throws KyozoError `malformed`, also for an unknown algorithm */
export function checksumIn(request: FastifyRequest): Checksum | undefined {
  const raw = request.headers['upload-checksum'];
  if (raw === undefined) return undefined;
  const match = /^(sha1|sha256|md5) ([A-Za-z0-9+/]+={0,2})$/.exec(String(raw));
  if (!match) throw unreadable('Upload-Checksum');
  return {
    algorithm: match[1] as Checksum['algorithm'],
    digest: Buffer.from(match[2]!, 'base64'),
  };
}

/** Says how far an upload is, and what it became. */
export function describe(upload: Upload, reply: FastifyReply): FastifyReply {
  void reply.headers({
    'upload-offset': String(upload.received),
    'upload-expires': upload.expiresAt.toUTCString(),
  });
  return upload.result === null ? reply : reply.header('upload-result', upload.result);
}

const unreadable = (header: string) => malformed(`${header} cannot be read.`, { header });
