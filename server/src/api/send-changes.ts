import { type Actor, malformed } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BranchReader, Heads } from '../workspaces/branch-changes.ts';
import { metaText } from './jsonapi/document.ts';
import { sendDocument } from './jsonapi/routes.ts';

/** The files that changed, or with `filePath` one of them as a unified diff. */
export async function sendChanges(
  reader: BranchReader,
  actor: Actor,
  heads: Heads,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const path = textIn(request, 'filePath');
  if (path !== undefined) {
    const text = await reader.diff(actor, heads, path);
    return reply
      .headers({ 'cache-control': 'private, no-cache', vary: 'Authorization, Kyozo-Team' })
      .type('text/x-diff; charset=utf-8')
      .send(text);
  }
  const { base, files, total } = await reader.changes(heads);
  return sendDocument(reply, metaText({ base, head: heads.head, files, total }));
}

/** A parameter of the query. @throws KyozoError when it is empty or given twice */
export function textIn({ query }: FastifyRequest, name: string): string | undefined {
  const value = (query as Record<string, unknown>)[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw malformed(`${name} must be given once.`, { parameter: name });
}
