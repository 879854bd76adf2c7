import {
  type Actor,
  faultsOf,
  idOf,
  KyozoError,
  malformed,
  type RawInput,
  type Relationship,
  type Resource,
  resourceOf,
} from '@kyozo/resource';
import type { FastifyRequest } from 'fastify';
import type { GraphQLResolveInfo } from 'graphql';
import type { Database } from '../../database/database.ts';
import type { Row } from '../../database/select.ts';
import { sql } from '../../database/sql.ts';
import { actorOf, asActor, type Edge } from '../context.ts';
import { faultsBehind } from '../errors.ts';
import { runAction } from '../guard.ts';
import { connectionOf, type ListArguments, queryOf } from './lists.ts';
import { type Fields, Loaders, targetOf } from './loaders.ts';
import { listName, mutationName, mutationsOf, oneName, relateName, typeName } from './names.ts';
import { selected } from './selected.ts';
import { type Shown, shown } from './shown.ts';

/** One for each operation: who asks, and the loaders that gather what its fields ask for. */
export type GraphqlContext = { request: FastifyRequest; loaders: Loaders };

type Resolver = (
  parent: Shown,
  parameters: never,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
) => unknown;
/** As many records as `nodes` takes at once. */
const mostNodes = 100;

export const contextFor = (edge: Edge, request: FastifyRequest): GraphqlContext => ({
  request,
  loaders: new Loaders(edge, request),
});

/** Resolvers of queries, mutations and records; each ends in the same reads and actions as JSON:API. */
export function resolversOf(edge: Edge, database: Database): Record<string, object> {
  const users = resourceOf(edge.known, 'users');
  const shownAt = (info: GraphQLResolveInfo, resource: Resource) =>
    selected(edge, info, resource).attributes;
  const query: Record<string, Resolver> = {
    me: (_parent, _parameters, { request }, info) =>
      asActor(edge, request, async (actor) =>
        shown(users, await edge.records.one(actor, users, actor.userId, shownAt(info, users))),
      ),
    node: async (_parent, { id }: { id: string }, context) =>
      (await nodes(edge, database, [id], context))[0],
    nodes: (_parent, { ids }: { ids: string[] }, context) => nodes(edge, database, ids, context),
  };
  const mutation: Record<string, Resolver> = {};
  const types: Record<string, Record<string, Resolver>> = {};
  for (const resource of edge.known.values()) {
    query[listName(resource.type)] = (_parent, parameters: ListArguments, { request }, info) =>
      asActor(edge, request, async (actor) => {
        const { attributes, beside } = selected(edge, info, resource, ['edges', 'node']);
        const asked = queryOf(edge, resource, parameters, attributes);
        const page = await edge.records.page(actor, asked, { beside });
        return connectionOf(resource, page, () => edge.records.count(actor, asked));
      });
    query[oneName(resource.type)] = (_parent, { id }: { id: string }, { request }, info) =>
      asActor(edge, request, (actor) => one(edge, actor, resource, id, shownAt(info, resource)));
    types[typeName(resource.type)] = relationshipResolvers(edge, resource);
    types[`${typeName(resource.type)}Connection`] = { totalCount };
    for (const name of mutationsOf(resource)) {
      mutation[mutationName(resource, name)] = mutate(edge, resource, name);
    }
  }
  return {
    Query: query,
    Mutation: mutation,
    ...types,
    Node: { __resolveType: (node: Shown) => node.__typename },
  };
}

const totalCount = (parent: unknown) => (parent as { count: () => Promise<number> }).count();

async function one(
  edge: Edge,
  actor: Actor,
  resource: Resource,
  id: string,
  fields: Fields,
): Promise<Shown | null> {
  const found = idOf(id);
  if (!found) return null;
  const row = await edge.records.one(actor, resource, found, fields).catch((error: unknown) => {
    if (error instanceof KyozoError && error.code === 'not_found') return undefined;
    throw error;
  });
  return row ? shown(resource, row) : null;
}

/** Ids are unique over all tables, so the table that holds an id tells the record's type. */
async function nodes(
  edge: Edge,
  database: Database,
  ids: readonly string[],
  { request, loaders }: GraphqlContext,
): Promise<(Shown | null)[]> {
  if (ids.length > mostNodes) throw malformed(`Ask for at most ${mostNodes} nodes.`);
  const found = ids.map(idOf);
  const holding = [...edge.known.values()].map(
    ({ type, table }) =>
      sql`select id, ${sql.lit(type)} as type from ${sql.table(table)} where id = any(${found.filter(Boolean)}::uuid[])`,
  );
  const rows = await asActor(edge, request, (actor) =>
    database.rows<{ id: string; type: string }>(actor, sql`${sql.join(holding, sql` union all `)}`),
  );
  const types = new Map(rows.map(({ id, type }) => [id, edge.known.get(type)!]));
  return Promise.all(
    found.map(async (id) => {
      const resource = id && types.get(id);
      const row = resource && (await loaders.record(resource, id, undefined));
      return row ? shown(resource, row) : null;
    }),
  );
}

function relationshipResolvers(edge: Edge, resource: Resource): Record<string, Resolver> {
  const resolvers: Record<string, Resolver> = {};
  for (const [name, relationship] of Object.entries(resource.relationships)) {
    resolvers[name] = ['has-many', 'many-through'].includes(relationship.kind)
      ? toMany(edge, relationship)
      : toOne(edge, name, relationship);
  }
  return resolvers;
}

function toOne(edge: Edge, name: string, relationship: Relationship): Resolver {
  const target = targetOf(edge, relationship);
  const shownOrNull = (row: Row | null | undefined) => (row ? shown(target, row) : null);
  return ({ id, __row: { keys, beside } }, _parameters, { loaders }, info) => {
    if (name in beside) return shownOrNull(beside[name]);
    const { attributes } = selected(edge, info, target);
    if (relationship.kind !== 'belongs-to') {
      return loaders.one(relationship, id, attributes).then(shownOrNull);
    }
    const key = keys[relationship.field];
    return key == null ? null : loaders.record(target, key, attributes).then(shownOrNull);
  };
}

function toMany(edge: Edge, relationship: Relationship): Resolver {
  const target = targetOf(edge, relationship);
  return async (parent, parameters: ListArguments, { loaders }, info) => {
    const { attributes } = selected(edge, info, target, ['edges', 'node']);
    const query = queryOf(edge, target, parameters, attributes);
    const list = { relationship, key: JSON.stringify(parameters), query };
    const page = await loaders.page(list, parent.id);
    return connectionOf(target, page, () => loaders.count(list, parent.id));
  };
}

function mutate(edge: Edge, resource: Resource, name: string): Resolver {
  const action = resource.actions[name]!;
  return async (
    _parent,
    { id, input = {} }: { id?: string; input?: Record<string, unknown> },
    context,
  ) => {
    try {
      const found = id === undefined ? undefined : idOf(id);
      if (id !== undefined && !found) throw new KyozoError('not_found', 'There is no such record.');
      const run = async (actor: Actor | undefined) => {
        const outcome = await runAction(edge, context.request, {
          resource,
          action: name,
          actor,
          id: found,
          input: rawInput(resource, name, input),
        });
        const target = outcome.resource ?? resourceOf(edge.known, action.answers ?? resource.type);
        return {
          result: outcome.row ? shown(target, outcome.row) : null,
          meta: outcome.meta ?? null,
          errors: [],
        };
      };
      const isPublic = resource.policies[name]!.check === 'anyone';
      return await (isPublic
        ? run(await actorOf(edge, context.request))
        : asActor(edge, context.request, run));
    } catch (error) {
      if (!faultsOf(error)) context.request.log.error({ err: error }, 'mutation failed');
      const errors = faultsBehind(error).map((fault) => ({
        message: fault.message,
        code: fault.code,
        fields: [fieldAt(fault.source?.pointer) ?? fault.source?.parameter].filter(Boolean),
      }));
      return { result: null, meta: faultsOf(error)?.[0]?.meta ?? null, errors };
    }
  };
}

/** The member of the input that a pointer into a JSON:API document lies in. */
function fieldAt(pointer: string | undefined): string | undefined {
  const segments = pointer?.split('/');
  return segments?.[3] ?? segments?.at(-1);
}

/** Splits an input into attributes and linkage, as the kernel takes them. */
function rawInput(resource: Resource, name: string, input: Record<string, unknown>): RawInput {
  const attributes: Record<string, unknown> = { ...input };
  const relationships: Record<string, { type: string; id: string } | null> = {};
  for (const relationship of resource.actions[name]!.relate ?? []) {
    const key = relateName(relationship);
    if (!(key in attributes)) continue;
    const id = attributes[key];
    delete attributes[key];
    relationships[relationship] =
      id == null ? null : { type: resource.relationships[relationship]!.type, id: String(id) };
  }
  return { attributes, relationships };
}
