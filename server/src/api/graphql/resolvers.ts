import {
  type Actor,
  faultsOf,
  idOf,
  KyozoError,
  malformed,
  parseQuery,
  type Query,
  type RawInput,
  type Relationship,
  type Resource,
  resourceOf,
} from '@kyozo/resource';
import DataLoader from 'dataloader';
import type { FastifyRequest } from 'fastify';
import type { Database } from '../../database/database.ts';
import { cursorOf, type Row } from '../../database/select.ts';
import { sql } from '../../database/sql.ts';
import { actorOf, asActor, type Edge } from '../context.ts';
import { faultsBehind } from '../errors.ts';
import { runAction } from '../guard.ts';
import { actionsOf } from '../jsonapi/routes.ts';
import { listName, mutationName, oneName, relateName, typeName } from './names.ts';

/** One for each request: who asks, and the loaders that gather what its fields ask for. */
export type GraphqlContext = {
  request: FastifyRequest;
  load(resource: Resource, id: string): Promise<Row | undefined>;
};

type ListArguments = {
  filter?: unknown;
  sort?: string[];
  first?: number;
  after?: string;
  last?: number;
  before?: string;
};
/** A record as resolvers pass it on: attributes by name, and what relationships need. */
type Shown = Record<string, unknown> & { id: string; __typename: string; __row: Row };
type Resolver = (parent: Shown, parameters: never, context: GraphqlContext) => unknown;

export function contextFor(edge: Edge, request: FastifyRequest): GraphqlContext {
  const loaders = new Map<string, DataLoader<string, Row | undefined>>();
  return {
    request,
    load(resource, id) {
      const loader = loaders.get(resource.type) ?? loaderOf(edge, request, resource);
      loaders.set(resource.type, loader);
      return loader.load(id);
    },
  };
}

/** Resolvers for everything in the SDL; each ends in the same reads and actions as JSON:API. */
export function resolversOf(edge: Edge, database: Database): Record<string, unknown> {
  const resources = [...edge.known.values()];
  const query: Record<string, Resolver> = {
    me: (_parent, _parameters, context) =>
      asActor(edge, context.request, async (actor) =>
        shown(
          resourceOf(edge.known, 'users'),
          await edge.records.one(actor, resourceOf(edge.known, 'users'), actor.userId),
        ),
      ),
    node: (_parent, { id }: { id: string }, context) =>
      asActor(edge, context.request, async (actor) => {
        const resource = await resourceHolding(edge, database, actor, id);
        return resource ? one(edge, actor, resource, id) : null;
      }),
  };
  const mutation: Record<string, Resolver> = {};
  const types: Record<string, Record<string, Resolver>> = {};
  for (const resource of resources) {
    query[listName(resource.type)] = (_parent, parameters: ListArguments, context) =>
      asActor(edge, context.request, (actor) => connection(edge, actor, resource, parameters));
    query[oneName(resource.type)] = (_parent, { id }: { id: string }, context) =>
      asActor(edge, context.request, (actor) => one(edge, actor, resource, id));
    types[typeName(resource.type)] = relationshipResolvers(edge, resource);
    for (const name of actionsOf(resource)) {
      if (name !== 'write') mutation[mutationName(resource, name)] = mutate(edge, resource, name);
    }
  }
  return {
    Query: query,
    Mutation: mutation,
    ...types,
    Node: { resolveType: (node: Shown) => node.__typename },
  };
}

function shown(resource: Resource, row: Row): Shown {
  return {
    ...(JSON.parse(row.attributes) as object),
    id: row.id,
    __typename: typeName(resource.type),
    __row: row,
  };
}

async function one(
  edge: Edge,
  actor: Actor,
  resource: Resource,
  id: string,
): Promise<Shown | null> {
  const found = idOf(id);
  if (!found) return null;
  const row = await edge.records.one(actor, resource, found).catch((error: unknown) => {
    if (error instanceof KyozoError && error.code === 'not_found') return undefined;
    throw error;
  });
  return row ? shown(resource, row) : null;
}

/** Ids are unique over all tables, so the one that holds an id tells its type. */
async function resourceHolding(
  edge: Edge,
  database: Database,
  actor: Actor,
  id: string,
): Promise<Resource | undefined> {
  const found = idOf(id);
  if (!found) return undefined;
  const tables = [...edge.known.values()].map(
    (resource) =>
      sql`select ${sql.lit(resource.type)} as type from ${sql.table(resource.table)} where id = ${found}`,
  );
  const [row] = await database.rows<{ type: string }>(
    actor,
    sql.join(tables, sql` union all `) as never,
  );
  return row && edge.known.get(row.type);
}

async function connection(
  edge: Edge,
  actor: Actor,
  resource: Resource,
  parameters: ListArguments,
  along?: { relationship: Relationship; parents: string[] },
) {
  const query = queryOf(edge, resource, parameters);
  const page = await edge.records.page(actor, query, { along });
  const edges = page.rows.map((row) => ({
    cursor: cursorOf(resource, row),
    node: shown(resource, row),
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.after,
      hasPreviousPage: page.before,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: async () => {
      const counted = { ...query, page: { ...query.page, count: true } };
      return (await edge.records.page(actor, counted, { along })).total;
    },
  };
}

function queryOf(edge: Edge, resource: Resource, parameters: ListArguments): Query {
  const { filter, sort, first, after, last, before } = parameters;
  if (first != null && last != null) throw malformed('Ask for first or last, not both.');
  if (last != null && before == null) throw malformed('last needs before.');
  const page = {
    size: first ?? last ?? undefined,
    after: after ?? undefined,
    before: before ?? undefined,
  };
  return parseQuery(edge.known, resource, {
    filter: filter ?? undefined,
    sort: sort ?? undefined,
    page,
  });
}

function relationshipResolvers(edge: Edge, resource: Resource): Record<string, Resolver> {
  const resolvers: Record<string, Resolver> = {};
  for (const [name, relationship] of Object.entries(resource.relationships)) {
    const target = resourceOf(edge.known, relationship.type);
    resolvers[name] =
      relationship.kind === 'belongs-to'
        ? async (parent, _parameters, context) => {
            const id = parent.__row.keys[relationship.field];
            const row = id == null ? undefined : await context.load(target, id);
            return row ? shown(target, row) : null;
          }
        : (parent, parameters: ListArguments, context) =>
            asActor(edge, context.request, async (actor) => {
              const along = { relationship, parents: [parent.id] };
              if (relationship.kind !== 'has-one')
                return connection(edge, actor, target, parameters, along);
              const [row] = await edge.records.along(actor, relationship, [parent.id]);
              return row ? shown(target, row) : null;
            });
  }
  return resolvers;
}

function loaderOf(
  edge: Edge,
  request: FastifyRequest,
  resource: Resource,
): DataLoader<string, Row | undefined> {
  return new DataLoader(async (ids) => {
    const rows = await asActor(edge, request, (actor) => edge.records.byId(actor, resource, ids));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id));
  });
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
        fields: [fault.source?.pointer?.split('/').at(-1) ?? fault.source?.parameter].filter(
          Boolean,
        ),
      }));
      return { result: null, meta: null, errors };
    }
  };
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
