import { malformed, parseQuery, type Query, type Resource } from '@kyozo/resource';
import { cursorOf } from '../../database/select.ts';
import type { PageOfRows } from '../../records.ts';
import type { Edge } from '../context.ts';
import type { Fields } from './loaders.ts';
import { shown } from './shown.ts';

export type ListArguments = {
  filter?: unknown;
  sort?: string[];
  first?: number;
  after?: string;
  last?: number;
  before?: string;
};

/** A list's arguments as the kernel's query: Relay's, filters and order as in JSON:API. */
export function queryOf(
  edge: Edge,
  resource: Resource,
  parameters: ListArguments,
  fields: Fields,
): Query {
  const { filter, sort, first, after, last, before } = parameters;
  if (first != null && last != null) throw malformed('Ask for first or last, not both.');
  if (last != null && after != null) throw malformed('last goes with before, not with after.');
  if (first != null && before != null) throw malformed('first goes with after, not with before.');
  const query = parseQuery(edge.known, resource, {
    filter: filter ?? undefined,
    sort: sort ?? undefined,
    page: {
      size: first ?? last ?? undefined,
      after: after ?? undefined,
      // The last ones are those before the end.
      before: before ?? (last == null ? undefined : ''),
    },
  });
  return fields ? { ...query, fields: new Map([[resource.type, fields]]) } : query;
}

/** A page as a Relay connection; the count is read when it is asked for. */
export function connectionOf(
  resource: Resource,
  page: PageOfRows,
  count: () => Promise<number>,
): object {
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
    count,
  };
}
