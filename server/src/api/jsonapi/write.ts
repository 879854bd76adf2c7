import {
  type Action,
  type Actor,
  KyozoError,
  malformed,
  parseQuery,
  type RawInput,
  type Resource,
  resourceOf,
} from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Outcome } from '../../actions.ts';
import { actorOf, asActor, type Edge } from '../context.ts';
import { runAction } from '../guard.ts';
import { metaText, root } from './document.ts';
import { idIn, ifVersionOf, oneDocument, queryOf } from './read.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
type ResourceObject = {
  type?: unknown;
  id?: unknown;
  attributes?: unknown;
  relationships?: unknown;
};

/** Any changing request: `POST /type`, `PATCH` and `DELETE /type/:id`, and the routes of named actions. */
export async function act(
  edge: Edge,
  resource: Resource,
  name: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const action = resource.actions[name]!;
  const onRecord = 'id' in (request.params as object);
  const id = onRecord ? idIn(request as WithId) : undefined;
  const run = async (actor: Actor | undefined) => {
    const input = inputOf(resource, action, request.body, id);
    const ifVersion = ifVersionOf(request);
    const outcome = await runAction(edge, request, {
      resource,
      action: name,
      actor,
      id,
      input,
      ifVersion,
    });
    return answer(edge, resource, action, outcome, outcome.actor ?? actor, request, reply);
  };
  if (resource.policies[name]!.check === 'anyone') return run(await actorOf(edge, request));
  return asActor(edge, request, run);
}

async function answer(
  edge: Edge,
  resource: Resource,
  action: Action,
  outcome: Outcome,
  actor: Actor | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  if (!outcome.row || !actor) {
    void reply.code(outcome.status ?? action.status ?? (outcome.meta ? 200 : 204));
    return outcome.meta ? metaText(outcome.meta) : '';
  }
  const shown =
    outcome.resource ?? (action.answers ? resourceOf(edge.known, action.answers) : resource);
  const status = outcome.status ?? action.status ?? (action.kind === 'create' ? 201 : 200);
  if (status === 201 || status === 202)
    void reply.header('location', `${root}/${shown.type}/${outcome.row.id}`);
  void reply.code(status);
  const query =
    shown === resource ? queryOf(edge, shown, request) : parseQuery(edge.known, shown, {});
  return oneDocument(edge, actor, query, outcome.row, request, reply, outcome.meta);
}

/** The members of a request document, as the kernel takes them. @throws KyozoError with a pointer */
function inputOf(
  resource: Resource,
  action: Action,
  body: unknown,
  id: string | undefined,
): RawInput {
  const plain = action.kind === 'create' || (action.kind === 'update' && !action.route);
  if (body === undefined || body === null) {
    if (plain) throw malformed('The request needs a document.', { pointer: '' });
    return {};
  }
  if (!isObject(body)) throw malformed('The document must be an object.', { pointer: '' });
  const stranger = Object.keys(body).find(
    (member) => !['data', 'meta', 'jsonapi', 'links'].includes(member),
  );
  if (stranger !== undefined)
    throw malformed(`A document has no member ${JSON.stringify(stranger.slice(0, 80))}.`, {
      pointer: '',
    });
  if (!('data' in body)) throw malformed('The document has no data.', { pointer: '' });
  const data = body.data as ResourceObject;
  if (!isObject(data)) throw malformed('data must be a resource object.', { pointer: '/data' });
  checkIdentity(resource, action, data, id, plain);
  const member = (name: 'attributes' | 'relationships') => {
    const value = data[name];
    if (value !== undefined && !isObject(value))
      throw malformed(`${name} must be an object.`, { pointer: `/data/${name}` });
    return value as Record<string, unknown> | undefined;
  };
  return { attributes: member('attributes'), relationships: linkageIn(member('relationships')) };
}

function checkIdentity(
  resource: Resource,
  action: Action,
  data: ResourceObject,
  id: string | undefined,
  plain: boolean,
): void {
  const stranger = Object.keys(data).find(
    (name) => !['type', 'id', 'lid', 'attributes', 'relationships', 'links', 'meta'].includes(name),
  );
  if (stranger !== undefined)
    throw malformed(`A resource object has no member ${JSON.stringify(stranger.slice(0, 80))}.`, {
      pointer: '/data',
    });
  if (data.type === undefined && plain) throw malformed('data needs a type.', { pointer: '/data' });
  const types = [resource.type, action.answers, undefined];
  if (!types.includes(data.type as string | undefined)) {
    throw new KyozoError('conflict', `The type here is ${resource.type}.`, {
      source: { pointer: '/data/type' },
    });
  }
  if (data.id !== undefined && id === undefined) {
    throw new KyozoError('forbidden', 'Ids are made by the server.', {
      source: { pointer: '/data/id' },
    });
  }
  if (id !== undefined && plain && data.id === undefined)
    throw malformed('data needs an id.', { pointer: '/data' });
  if (id !== undefined && data.id !== undefined && String(data.id).toLowerCase() !== id) {
    throw new KyozoError('conflict', 'The id is not that of the URL.', {
      source: { pointer: '/data/id' },
    });
  }
}

function linkageIn(relationships: Record<string, unknown> | undefined): RawInput['relationships'] {
  if (!relationships) return undefined;
  const linkage: Record<string, { type: string; id: string } | null> = {};
  for (const [name, value] of Object.entries(relationships)) {
    const pointer = `/data/relationships/${name.slice(0, 80)}`;
    if (!isObject(value) || !('data' in value))
      throw malformed('A relationship needs data.', { pointer });
    const data = value.data;
    if (
      data !== null &&
      (!isObject(data) || typeof data.type !== 'string' || typeof data.id !== 'string')
    ) {
      throw malformed('The linkage must be a type and an id, or null.', {
        pointer: `${pointer}/data`,
      });
    }
    linkage[name] = data as { type: string; id: string } | null;
  }
  return linkage;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
