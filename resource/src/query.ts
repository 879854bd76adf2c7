import { type Attribute, isUuid, parseOperand, uuid } from './attribute.ts';
import { type Condition, every, type Operator, operators } from './condition.ts';
import { type Registry, type Resource, resourceOf } from './define.ts';
import { KyozoError, malformed } from './errors.ts';

export type Sort = { field: string; descending: boolean };
export type Page =
  | { kind: 'offset'; limit: number; offset: number; count: boolean }
  | { kind: 'cursor'; size: number; after?: string; before?: string; count: boolean };
export type IncludeTree = { [relationship: string]: IncludeTree };

/** A read, checked: what to find, in what order, which page, and what to show of it. */
export type Query = {
  resource: Resource;
  where: Condition | undefined;
  /** The types of the records that the filter looks through relationships at. */
  looksAt: ReadonlySet<string>;
  sort: readonly Sort[];
  page: Page;
  include: IncludeTree;
  /** Attributes and relationships to show, by type; a type that is absent shows all. */
  fields: ReadonlyMap<string, ReadonlySet<string>>;
};

/** A read as an edge received it: nested plain objects of strings, or of JSON values. */
export type RawQuery = {
  filter?: unknown;
  sort?: unknown;
  page?: unknown;
  include?: unknown;
  fields?: unknown;
};

export type Limits = {
  pageSize: number;
  maxPageSize: number;
  includeDepth: number;
  filterNodes: number;
};
export const defaultLimits: Limits = {
  pageSize: 20,
  maxPageSize: 100,
  includeDepth: 4,
  filterNodes: 100,
};

/** The profile of JSON:API that pages by cursor follow; its errors have addresses below it. */
export const cursorProfile = 'https://jsonapi.org/profiles/ethanresnick/cursor-pagination';

/** Checks a read against the declaration. @throws KyozoError `malformed` that names the parameter */
export function parseQuery(
  known: Registry,
  resource: Resource,
  raw: RawQuery,
  limits: Limits = defaultLimits,
): Query {
  const looksAt = new Set<string>();
  return {
    resource,
    where:
      raw.filter === undefined
        ? undefined
        : parseFilter(known, resource, raw.filter, limits, looksAt),
    looksAt,
    sort: parseSort(resource, raw.sort),
    page: parsePage(raw.page, limits),
    include: parseInclude(known, resource, raw.include, limits),
    fields: parseFields(known, raw.fields),
  };
}

function parseFilter(
  known: Registry,
  root: Resource,
  raw: unknown,
  limits: Limits,
  looksAt: Set<string>,
): Condition {
  let nodes = 0;
  return members(root, raw, 'filter');

  function members(resource: Resource, value: unknown, parameter: string): Condition {
    if (++nodes > limits.filterNodes) throw malformed('The filter is too large.', { parameter });
    if (!isObject(value)) throw malformed('A filter names a field.', { parameter });
    return every(
      ...Object.entries(value).map(([name, part]) =>
        member(resource, name, part, `${parameter}[${name}]`),
      ),
    );
  }

  function member(resource: Resource, name: string, value: unknown, parameter: string): Condition {
    if (name === 'and' || name === 'or') {
      const parts = Object.values(isObject(value) || Array.isArray(value) ? value : {});
      if (parts.length === 0) throw malformed(`${name} needs conditions.`, { parameter });
      return { kind: name, of: parts.map((part) => members(resource, part, parameter)) };
    }
    if (name === 'not') return { kind: 'not', of: members(resource, value, parameter) };
    const relationship = own(resource.relationships, name);
    if (relationship) {
      const target = resourceOf(known, relationship.type);
      looksAt.add(target.type);
      return { kind: 'related', relationship: name, where: members(target, value, parameter) };
    }
    const attribute = name === 'id' ? idAttribute : own(resource.attributes, name);
    if (!attribute?.filterable) {
      throw malformed(`${resource.type} cannot be filtered by ${printable(name)}.`, { parameter });
    }
    return comparisons(name, attribute, value, parameter);
  }

  function comparisons(
    field: string,
    attribute: Attribute,
    value: unknown,
    parameter: string,
  ): Condition {
    if (!isObject(value)) return compare(field, attribute, 'eq', value, parameter);
    const parts = Object.entries(value).map(([operator, operand]) => {
      if (!operators.includes(operator as Operator)) {
        throw malformed(`There is no filter operator ${printable(operator)}.`, {
          parameter: `${parameter}[${operator}]`,
        });
      }
      return compare(field, attribute, operator as Operator, operand, `${parameter}[${operator}]`);
    });
    return every(...parts);
  }

  function compare(
    field: string,
    attribute: Attribute,
    operator: Operator,
    raw: unknown,
    parameter: string,
  ): Condition {
    if (++nodes > limits.filterNodes) throw malformed('The filter is too large.', { parameter });
    const textual = operator === 'contains' || operator === 'starts_with';
    if (textual && attribute.kind !== 'text') {
      throw malformed(`${operator} works on texts only.`, { parameter });
    }
    const value =
      operator === 'is_nil'
        ? parseOperand(nilAttribute, raw, parameter)
        : operator === 'in'
          ? listOf(raw).map((item) => parseOperand(attribute, item, parameter))
          : parseOperand(attribute, raw, parameter);
    if (Array.isArray(value) && value.length > limits.maxPageSize) {
      throw malformed(`in takes at most ${limits.maxPageSize} values.`, { parameter });
    }
    return { kind: 'compare', field, operator, value };
  }
}

const idAttribute: Attribute = uuid('The id.');
const nilAttribute: Attribute = { ...idAttribute, kind: 'boolean' };
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** A comma-separated text, or a list; what has further brackets stays the one thing that it is. */
const listOf = (raw: unknown): unknown[] =>
  Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : [raw];
/** @throws KyozoError for a parameter with brackets behind it */
function textOf(raw: unknown, parameter: string): string {
  if (typeof raw !== 'string') throw malformed(`${parameter} must be one text.`, { parameter });
  return raw;
}
const printable = (name: string) => JSON.stringify(name.slice(0, 80));
/** Never reaches `__proto__` or `constructor` through a name that a caller chose. */
const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

function parseSort(resource: Resource, raw: unknown): Sort[] {
  const newestFirst: Sort = { field: 'id', descending: true };
  if (raw === undefined || raw === '') {
    if (resource.cursor) return [{ field: resource.cursor, descending: false }];
    return [...(resource.sort ?? []), newestFirst];
  }
  if (resource.cursor) {
    throw malformed(`${resource.type} come in the order of ${resource.cursor}.`, {
      parameter: 'sort',
    });
  }
  const names = listOf(raw).map((name) => textOf(name, 'sort'));
  const sort = names.map((name) => {
    const descending = name.startsWith('-');
    const field = descending ? name.slice(1) : name;
    if (field !== 'id' && !own(resource.attributes, field)?.sortable) {
      throw malformed(`${resource.type} cannot be sorted by ${printable(field)}.`, {
        parameter: 'sort',
      });
    }
    return { field, descending };
  });
  if (sort.length > 5) throw malformed('Sort by at most five fields.', { parameter: 'sort' });
  // The id breaks ties, so that every order is total and pages never overlap.
  return sort.some(({ field }) => field === 'id')
    ? sort
    : [...sort, { field: 'id', descending: sort[0]!.descending }];
}

function parsePage(raw: unknown, limits: Limits): Page {
  const page = raw === undefined ? {} : raw;
  if (!isObject(page)) throw malformed('page needs a member in brackets.', { parameter: 'page' });
  for (const name of Object.keys(page)) {
    if (!['limit', 'offset', 'size', 'after', 'before', 'count'].includes(name)) {
      throw malformed(`There is no page[${name.slice(0, 80)}].`, { parameter: `page[${name}]` });
    }
  }
  const number = (name: string, fallback: number, min: number, max: number) => {
    const value = page[name] ?? fallback;
    const parsed =
      typeof value === 'number'
        ? value
        : typeof value === 'string' && /^\d{1,9}$/.test(value)
          ? Number(value)
          : Number.NaN;
    if (!Number.isInteger(parsed) || parsed < min || parsed > max) {
      throw malformed(`page[${name}] must be a whole number from ${min} to ${max}.`, {
        parameter: `page[${name}]`,
      });
    }
    return parsed;
  };
  const text = (name: string) => {
    const value = page[name];
    if (value !== undefined && (typeof value !== 'string' || value.length > 2_000)) {
      throw malformed(`page[${name}] is no cursor.`, { parameter: `page[${name}]` });
    }
    return value as string | undefined;
  };
  const count = page.count === true || page.count === 'true';
  const byOffset = page.limit !== undefined || page.offset !== undefined;
  if (byOffset && (page.size ?? page.after ?? page.before) !== undefined) {
    throw malformed('Page by offset or by cursor, not by both.', { parameter: 'page' });
  }
  if (byOffset) {
    const limit = number('limit', limits.pageSize, 1, limits.maxPageSize);
    return { kind: 'offset', limit, offset: number('offset', 0, 0, 100_000_000), count };
  }
  if (!isObject(page.size) && Number(page.size) > limits.maxPageSize) {
    throw new KyozoError('malformed', `page[size] is at most ${limits.maxPageSize}.`, {
      source: { parameter: 'page[size]' },
      meta: { page: { maxSize: limits.maxPageSize } },
      type: `${cursorProfile}/max-size-exceeded`,
    });
  }
  const size = number('size', limits.pageSize, 1, limits.maxPageSize);
  if (page.after !== undefined && page.before !== undefined) {
    throw new KyozoError('malformed', 'Ranges between two cursors are not supported.', {
      source: { parameter: 'page[before]' },
      type: `${cursorProfile}/range-pagination-not-supported`,
    });
  }
  return { kind: 'cursor', size, after: text('after'), before: text('before'), count };
}

function parseInclude(known: Registry, root: Resource, raw: unknown, limits: Limits): IncludeTree {
  const tree: IncludeTree = {};
  if (raw === undefined || raw === '') return tree;
  for (const path of textOf(raw, 'include').split(',')) {
    const names = path.split('.');
    if (names.length > limits.includeDepth) {
      throw malformed(`Include at most ${limits.includeDepth} levels.`, { parameter: 'include' });
    }
    let resource = root;
    let place = tree;
    for (const name of names) {
      const relationship = own(resource.relationships, name);
      if (!relationship) {
        throw malformed(`${resource.type} has no relationship ${printable(name)}.`, {
          parameter: 'include',
        });
      }
      resource = resourceOf(known, relationship.type);
      place = place[name] ??= {};
    }
  }
  return tree;
}

function parseFields(known: Registry, raw: unknown): Map<string, Set<string>> {
  const fields = new Map<string, Set<string>>();
  if (raw === undefined) return fields;
  if (!isObject(raw)) throw malformed('fields needs a type in brackets.', { parameter: 'fields' });
  for (const [type, list] of Object.entries(raw)) {
    const parameter = `fields[${type}]`;
    const resource = known.get(type);
    if (!resource) throw malformed(`There is no type ${printable(type)}.`, { parameter });
    const names = textOf(list, parameter).split(',').filter(Boolean);
    for (const name of names) {
      if (!own(resource.attributes, name) && !own(resource.relationships, name)) {
        throw malformed(`${type} has no field ${printable(name)}.`, { parameter });
      }
    }
    fields.set(type, new Set(names));
  }
  return fields;
}

/** The id in a URL; anything that is no UUID cannot be a record. */
export const idOf = (raw: unknown): string | undefined =>
  isUuid(raw) ? raw.toLowerCase() : undefined;
