import {
  type Actor,
  faultsOf,
  forbidden,
  idOf,
  KyozoError,
  KyozoErrors,
  malformed,
  notFound,
  parseQuery,
  type Resource,
  resourceOf,
} from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Together } from '../../actions.ts';
import { asActor, type Edge } from '../context.ts';
import { resourceObject, root } from './document.ts';
import { atomicExtension } from './media-type.ts';
import { changesOf } from './relationships.ts';
import { identifierIn, inputOf, isObject, lidKey } from './request-document.ts';

/** One transaction holds a workspace's row for as long as it writes files, so it must end soon. */
const most = 100;

type Operation = { op: 'add' | 'update' | 'remove'; data: unknown; target: Target };
/** What an operation is about; the id is absent where it makes a record. */
type Target = { resource: Resource; id?: string; relationship?: string };
type Context = { edge: Edge; actor: Actor; together: Together; lids: Map<string, string> };

/**
 * `POST /operations`: the Atomic Operations extension. All operations run in order in one transaction,
 * as the actions that they are. @throws KyozoError whose pointer begins with the operation's place
 */
export async function operations(
  edge: Edge,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const list = listIn(request.body);
  return asActor(edge, request, async (actor) => {
    const results = await edge.actions.together(actor, async (together) => {
      const context: Context = { edge, actor, together, lids: new Map() };
      const done: string[] = [];
      for (const [index, raw] of list.entries())
        done.push(await run(context, raw).catch((error: unknown) => relocate(error, index)));
      return done;
    });
    if (results.every((result) => result === '{}')) {
      void reply.code(204);
      return '';
    }
    const version = `"jsonapi":{"version":"1.1","ext":["${atomicExtension}"]}`;
    return `{${version},"atomic:results":[${results.join(',')}]}`;
  });
}

function listIn(body: unknown): unknown[] {
  if (!isObject(body)) throw malformed('The document must be an object.', { pointer: '' });
  const pointer = '/atomic:operations';
  const list = body['atomic:operations'];
  if (!Array.isArray(list) || list.length === 0)
    throw malformed('atomic:operations must be a list of operations.', { pointer });
  for (const name of ['data', 'included', 'errors']) {
    if (name in body)
      throw malformed(`${name} must not stand beside atomic:operations.`, { pointer: `/${name}` });
  }
  if (list.length > most) throw malformed(`A request has at most ${most} operations.`, { pointer });
  return list;
}

async function run(context: Context, raw: unknown): Promise<string> {
  const operation = operationIn(context, raw);
  if (operation.target.relationship !== undefined) return changeRelationship(context, operation);
  return changeRecord(context, operation);
}

async function changeRecord(context: Context, { op, data, target }: Operation): Promise<string> {
  const { edge, actor, together, lids } = context;
  const { resource, id } = target;
  const name = { add: 'create', update: 'update', remove: 'destroy' }[op];
  const action = Object.hasOwn(resource.actions, name) ? resource.actions[name] : undefined;
  if (!action || action.route || resource.policies[name]!.check === 'nobody')
    throw forbidden(`${resource.type} has no ${op}.`, { pointer: '' });
  const input = op === 'remove' ? {} : inputOf(resource, action, data, id, lids);
  const outcome = await together.run({ resource, action: name, actor, id, input });
  const lid = op === 'add' && isObject(data) ? data.lid : undefined;
  if (typeof lid === 'string' && outcome.row) {
    const key = lidKey(resource.type, lid);
    if (lids.has(key)) throw malformed('This lid names another record.', { pointer: '/data/lid' });
    lids.set(key, outcome.row.id);
  }
  if (!outcome.row) return '{}';
  const shown = resourceObject(resource, outcome.row, parseQuery(edge.known, resource, {}).fields);
  const meta = outcome.meta ? `,"meta":${JSON.stringify(outcome.meta)}` : '';
  return `{"data":${shown}${meta}}`;
}

async function changeRelationship(context: Context, operation: Operation): Promise<string> {
  const { actor, together, lids } = context;
  const { op, data, target } = operation;
  const method = ({ add: 'POST', update: 'PATCH', remove: 'DELETE' } as const)[op];
  const { resource, id, relationship: name } = target as Required<Target>;
  await together.records.one(actor, resource, id);
  for (const asked of changesOf({ resource, name, id, method, data, actor, lids }))
    await together.run(asked);
  return '{}';
}

function operationIn({ edge, lids }: Context, raw: unknown): Operation {
  if (!isObject(raw)) throw malformed('An operation is an object.', { pointer: '' });
  const { op, ref, href, data } = raw;
  if (op !== 'add' && op !== 'update' && op !== 'remove')
    throw malformed('op must be add, update or remove.', { pointer: '/op' });
  if (ref !== undefined && href !== undefined)
    throw malformed('ref and href exclude each other.', { pointer: '' });
  if (data === undefined && op !== 'remove')
    throw malformed('The operation needs data.', { pointer: '' });
  const target =
    ref !== undefined
      ? refTarget(edge, ref, lids)
      : href !== undefined
        ? hrefTarget(edge, href)
        : dataTarget(edge, op, data, lids);
  const makes = op === 'add' && target.relationship === undefined;
  if (makes && target.id !== undefined)
    throw malformed('An add of a record names no id.', { pointer: '/ref' });
  if (!makes && target.id === undefined)
    throw malformed('The operation does not say which record.', { pointer: '' });
  return { op, data, target };
}

function refTarget(edge: Edge, ref: unknown, lids: Map<string, string>): Target {
  const { type, id } = identifierIn(ref, '/ref', lids);
  const relationship = (ref as { relationship?: unknown }).relationship;
  if (relationship !== undefined && typeof relationship !== 'string')
    throw malformed('relationship must be a name.', { pointer: '/ref/relationship' });
  return targetOf(edge, { type, id, relationship, pointer: '/ref' });
}

function hrefTarget(edge: Edge, href: unknown): Target {
  const path =
    typeof href === 'string' && URL.canParse(href, 'http://x')
      ? new URL(href, 'http://x').pathname
      : '';
  const [type = '', id, word, relationship, more] = path
    .replace(`${root}/`, '')
    .replace(/^\//, '')
    .split('/');
  const known =
    more === undefined && (word === undefined || (word === 'relationships' && relationship));
  if (!known) throw notFound('There is nothing at this address.');
  return targetOf(edge, { type, id, relationship, pointer: '/href' });
}

function dataTarget(edge: Edge, op: string, data: unknown, lids: Map<string, string>): Target {
  if (op === 'remove') throw malformed('A remove needs ref or href.', { pointer: '' });
  if (!isObject(data) || typeof data.type !== 'string')
    throw malformed('data must be a resource object.', { pointer: '/data' });
  const id = op === 'add' ? undefined : identifierIn(data, '/data', lids).id;
  return targetOf(edge, { type: data.type, id, pointer: '/data' });
}

function targetOf(
  edge: Edge,
  at: { type: string; id?: string; relationship?: string; pointer: string },
): Target {
  const { type, id, relationship, pointer } = at;
  if (!edge.known.has(type))
    throw notFound(`There is no type ${JSON.stringify(type.slice(0, 80))}.`);
  const resource = resourceOf(edge.known, type);
  const found = id === undefined ? undefined : idOf(id);
  if (id !== undefined && !found) throw notFound();
  if (relationship !== undefined && !Object.hasOwn(resource.relationships, relationship)) {
    throw new KyozoError('not_found', 'There is no such relationship.', { source: { pointer } });
  }
  return { resource, id: found, relationship };
}

/** Puts the operation's place before every pointer. */
function relocate(error: unknown, index: number): never {
  const faults = faultsOf(error);
  if (!faults) throw error;
  const moved = faults.map((fault) => {
    const pointer = `/atomic:operations/${index}${fault.source?.pointer ?? ''}`;
    const { code, message, meta, cause } = fault;
    return new KyozoError(code, message, { source: { pointer }, meta, cause });
  });
  throw moved.length === 1 ? moved[0] : new KyozoErrors(moved);
}
