import { type Actor, forbidden, malformed, notFound, type Resource } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Request as ActionRequest } from '../../actions.ts';
import { asActor, type Edge } from '../context.ts';
import { once } from '../idempotency.ts';
import { idIn } from './read.ts';
import { dataIn, type Identifier, identifierIn, type Lids } from './request-document.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
export type Method = 'PATCH' | 'POST' | 'DELETE';

/** `PATCH`, `POST` and `DELETE /type/:id/relationships/relationship` */
export async function relate(
  edge: Edge,
  resource: Resource,
  name: string,
  request: WithId,
  reply: FastifyReply,
): Promise<string> {
  return asActor(edge, request, async (actor) => {
    const id = idIn(request);
    await edge.records.one(actor, resource, id);
    const data = dataIn(request.body);
    const action = request.method === 'PATCH' ? 'update' : 'destroy';
    return once(edge, actor, { resource, action }, request, reply, async (_within, run) => {
      const method = request.method as Method;
      for (const asked of changesOf({ resource, name, id, method, data, actor })) await run(asked);
      void reply.code(204);
      return '';
    });
  });
}

export type RelationshipChange = {
  resource: Resource;
  name: string;
  id: string;
  method: Method;
  data: unknown;
  actor: Actor;
  lids?: Lids;
};

/**
 * The actions that a change of a relationship comes to. One that the record's own foreign key holds is
 * set by its update; all else stands in other records, which are made and ended by actions of their own.
 * @throws KyozoError `forbidden` where the relationship cannot be changed
 */
export function changesOf(change: RelationshipChange): ActionRequest[] {
  const { resource, name, id, method, data, actor, lids } = change;
  const relationship = resource.relationships[name];
  if (!relationship) throw notFound('There is no such relationship.');
  const toMany = relationship.kind === 'has-many' || relationship.kind === 'many-through';
  if (toMany !== Array.isArray(data))
    throw malformed(`data must be ${toMany ? 'a list of identifiers' : 'an identifier or null'}.`, {
      pointer: '/data',
    });
  const named = toMany
    ? (data as unknown[]).map((it, index) => identifierIn(it, `/data/${index}`, lids))
    : [data === null ? null : identifierIn(data, '/data', lids)];
  if (!toMany && method !== 'PATCH') throw forbidden('A relationship to one is set by PATCH.');
  const settable =
    relationship.kind === 'belongs-to' && resource.actions.update?.relate?.includes(name);
  if (!settable) throw forbidden(`${name} cannot be changed here.`);
  const input = { relationships: { [name]: named[0] as Identifier | null } };
  return [{ resource, action: 'update', actor, id, input }];
}
