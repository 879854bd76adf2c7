import { createHash } from 'node:crypto';
import {
  type Actor,
  idOf,
  malformed,
  notFound,
  parseQuery,
  type Query,
  type Relationship,
  type Resource,
  resourceOf,
} from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { cursorOf, type Row } from '../../database/select.ts';
import { Memory } from '../../memory.ts';
import type { PageOfRows } from '../../records.ts';
import { evaluate } from '../conditions.ts';
import { asActor, type Edge } from '../context.ts';
import { documentText, identifier, resourceObject } from './document.ts';
import { includedOf } from './include.ts';
import { parseQueryString } from './query-string.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;

export const searchOf = (request: FastifyRequest): string => {
  const at = request.url.indexOf('?');
  return at < 0 ? '' : request.url.slice(at + 1);
};

/** `GET /type` */
export async function list(
  edge: Edge,
  resource: Resource,
  request: FastifyRequest,
): Promise<string> {
  return asActor(edge, request, async (actor) => {
    const query = queryOf(edge, resource, request);
    return pageDocument(edge, actor, query, await edge.records.page(actor, query), request);
  });
}

/** `GET /type/:id` */
export async function get(
  edge: Edge,
  resource: Resource,
  request: WithId,
  reply: FastifyReply,
): Promise<string> {
  return asActor(edge, request, async (actor) => {
    const query = onlyOne(queryOf(edge, resource, request));
    const row = await edge.records.one(
      actor,
      resource,
      idIn(request),
      query.fields.get(resource.type),
    );
    return oneDocument(edge, actor, query, row, request, reply);
  });
}

/** `GET /users/me` */
export async function me(
  edge: Edge,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  return asActor(edge, request, async (actor) => {
    const query = onlyOne(queryOf(edge, resourceOf(edge.known, 'users'), request));
    const row = await edge.records.one(
      actor,
      query.resource,
      actor.userId,
      query.fields.get('users'),
    );
    return oneDocument(edge, actor, query, row, request, reply);
  });
}

/** `GET /type/:id/relationship` */
export async function related(
  edge: Edge,
  resource: Resource,
  name: string,
  request: WithId,
  reply: FastifyReply,
): Promise<string> {
  const relationship = resource.relationships[name]!;
  const target = resourceOf(edge.known, relationship.type);
  return asActor(edge, request, async (actor) => {
    const parent = await edge.records.one(actor, resource, idIn(request));
    const query = queryOf(edge, target, request);
    if (relationship.kind === 'has-many' || relationship.kind === 'many-through') {
      const along = { relationship, parents: [parent.id] };
      return pageDocument(
        edge,
        actor,
        query,
        await edge.records.page(actor, query, { along }),
        request,
      );
    }
    const row = await toOne(edge, actor, relationship, target, parent, query);
    return row
      ? oneDocument(edge, actor, onlyOne(query), row, request, reply)
      : documentText({ data: 'null', links: { self: request.url } });
  });
}

/** `GET /type/:id/relationships/relationship` */
export async function linkage(
  edge: Edge,
  resource: Resource,
  name: string,
  request: WithId,
): Promise<string> {
  const relationship = resource.relationships[name]!;
  const target = resourceOf(edge.known, relationship.type);
  return asActor(edge, request, async (actor) => {
    const parent = await edge.records.one(actor, resource, idIn(request));
    const links = { self: request.url, related: request.url.replace('/relationships/', '/') };
    const query = queryOf(edge, target, request);
    if (relationship.kind === 'belongs-to') {
      return documentText({
        data: identifier(relationship.type, parent.keys[relationship.field] ?? null),
        links,
      });
    }
    if (relationship.kind === 'has-one') {
      const row = await toOne(edge, actor, relationship, target, parent, query);
      return documentText({ data: identifier(target.type, row?.id ?? null), links });
    }
    const along = { relationship, parents: [parent.id] };
    const page = await edge.records.page(actor, query, { along });
    const data = `[${page.rows.map((row) => identifier(target.type, row.id)).join(',')}]`;
    return documentText({
      data,
      links: { ...links, ...pageLinks(query, page, request) },
      meta: pageMeta(page),
    });
  });
}

async function toOne(
  edge: Edge,
  actor: Actor,
  relationship: Relationship,
  target: Resource,
  parent: Row,
  query: Query,
): Promise<Row | undefined> {
  const fields = query.fields.get(target.type);
  if (relationship.kind !== 'belongs-to') {
    return (await edge.records.along(actor, relationship, [parent.id], fields))[0];
  }
  const id = parent.keys[relationship.field];
  return id == null ? undefined : (await edge.records.byId(actor, target, [id], fields))[0];
}

/** The id of a URL; what is no UUID names no record. */
export function idIn(request: WithId): string {
  const id = idOf(request.params.id);
  if (!id) throw notFound();
  return id;
}

/** Queries that came before, by type and parameters: programs ask the same again and again. */
const queries = new Memory<Query>(1_000);
const longest = 500;

/** What a request asks for. `own` are parameters that the route reads by itself. @throws KyozoError `malformed` */
export function queryOf(
  edge: Edge,
  resource: Resource,
  request: FastifyRequest,
  ...own: readonly string[]
): Query {
  const search = own.length > 0 ? without(own, searchOf(request)) : searchOf(request);
  const key = `${resource.type}?${search}`;
  const known = queries.get(key);
  if (known) return known;
  const query = parseQuery(edge.known, resource, parseQueryString(search));
  if (search.length <= longest) queries.set(key, query);
  return query;
}

function without(names: readonly string[], search: string): string {
  const parameters = new URLSearchParams(search);
  for (const name of names) parameters.delete(name);
  return parameters.toString();
}

/** Lists' parameters mean nothing for one record. */
function onlyOne(query: Query): Query {
  if (query.where) throw malformed('One record cannot be filtered.', { parameter: 'filter' });
  return query;
}

/** A document of one record, with its entity tag; answers 304 when the reader has it already. */
export async function oneDocument(
  edge: Edge,
  actor: Actor,
  query: Query,
  row: Row,
  request: FastifyRequest,
  reply: FastifyReply,
  meta?: Record<string, unknown>,
): Promise<string> {
  const asked = Object.keys(query.include).length > 0;
  const { linkage: links, included } = asked
    ? await includedOf(edge.records, actor, query, [row]).catch(unlessChanged(request))
    : { linkage: undefined, included: undefined };
  const data = resourceObject(query.resource, row, query.fields, links);
  const text = documentText({ data, included, links: { self: selfOf(request, query, row) }, meta });
  const tag = tagOf(row, searchOf(request) === '' ? undefined : text);
  void reply.header('etag', tag);
  if (request.method !== 'GET' && request.method !== 'HEAD') return text;
  if (!evaluate(request, { isCurrent: (value) => `"${value}"` === tag }).isKnown) return text;
  void reply.code(304);
  return '';
}

/** A change that stands is answered as one: its document goes without the records that could not be read. */
const unlessChanged =
  (request: FastifyRequest) =>
  (error: unknown): { linkage: undefined; included: undefined } => {
    if (request.method === 'GET' || request.method === 'HEAD') throw error;
    request.log.error({ err: error }, 'a change was answered without what it includes');
    return { linkage: undefined, included: undefined };
  };

const selfOf = (request: FastifyRequest, query: Query, row: Row) =>
  request.method === 'GET' ? request.url : `/api/v1/${query.resource.type}/${row.id}`;

/**
 * The entity tag of a record: its version, and for a view that parameters shaped, a digest of the view.
 * `If-Match` looks at the version alone.
 */
function tagOf(row: Row, view: string | undefined): string {
  const digest = view
    ? `-${createHash('sha256').update(view).digest('base64url').slice(0, 16)}`
    : '';
  return `"${Number(row.version).toString(36)}${digest}"`;
}

/** Whether an entity tag names a version of a record, in any view of it. */
export const namesVersion = (tag: string, version: string): boolean =>
  tag.split('-')[0] === Number(version).toString(36);

async function pageDocument(
  edge: Edge,
  actor: Actor,
  query: Query,
  page: PageOfRows,
  request: FastifyRequest,
): Promise<string> {
  const asked = Object.keys(query.include).length > 0;
  const { linkage: links, included } = asked
    ? await includedOf(edge.records, actor, query, page.rows)
    : { linkage: undefined, included: undefined };
  const byCursor = query.page.kind === 'cursor';
  const data = page.rows.map((row) => {
    const cursor = byCursor ? `{"page":{"cursor":"${cursorOf(query.resource, row)}"}}` : undefined;
    return resourceObject(query.resource, row, query.fields, links, cursor);
  });
  return documentText({
    data: `[${data.join(',')}]`,
    included,
    links: { self: request.url, ...pageLinks(query, page, request) },
    meta: pageMeta(page),
  });
}

const pageMeta = (page: PageOfRows) =>
  page.total === undefined ? {} : { page: { total: page.total } };

function pageLinks(query: Query, page: PageOfRows, request: FastifyRequest) {
  const path = request.url.split('?')[0]!;
  const link = (changes: Record<string, string | number | undefined>) => {
    const parameters = new URLSearchParams(searchOf(request));
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) parameters.delete(`page[${name}]`);
      else parameters.set(`page[${name}]`, String(value));
    }
    const text = parameters.toString();
    return text ? `${path}?${text}` : path;
  };
  const { page: asked } = query;
  if (asked.kind === 'cursor') {
    const first = page.rows[0];
    const last = page.rows.at(-1);
    return {
      first: link({ after: undefined, before: undefined }),
      prev:
        page.before && first
          ? link({ before: cursorOf(query.resource, first), after: undefined })
          : null,
      next:
        page.after && last
          ? link({ after: cursorOf(query.resource, last), before: undefined })
          : null,
    };
  }
  const { limit, offset } = asked;
  return {
    first: link({ offset: 0 }),
    prev: offset > 0 ? link({ offset: Math.max(0, offset - limit) }) : null,
    next: page.after ? link({ offset: offset + limit }) : null,
    ...(page.total === undefined
      ? {}
      : { last: link({ offset: Math.max(0, Math.ceil(page.total / limit) - 1) * limit }) }),
  };
}
