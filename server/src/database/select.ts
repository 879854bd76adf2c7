import {
  type Actor,
  type Condition,
  columnOf,
  every,
  foreignKeysOf,
  isUuid,
  malformed,
  type Operator,
  type Page,
  type Registry,
  type Relationship,
  type Resource,
  resourceOf,
  type Sort,
  toCondition,
} from '@kyozo/resource';
import type { Statement, TextRow } from './flight.ts';
import { prepared, Slots, type Sql, sql } from './sql.ts';

/** A record as every edge gets it: its attributes are JSON text built by PostgreSQL. */
export type Row = {
  id: string;
  /** Changes whenever the row changes; the entity tag is made of it. */
  version: string;
  attributes: string;
  /** Foreign keys by field name, for linkage and includes. */
  keys: Record<string, string | null>;
  /** The values it was sorted by, for cursors. */
  sortValues: (string | null)[];
  /** The record it was reached from, in a read along a relationship to many. */
  parent: string | null;
  /** The records it belongs to that were read beside it, by relationship; null for none. */
  beside: Record<string, Row | null>;
};

/** A record that others belong to, read with them in one statement. `where` holds its policy. */
export type Beside = Omit<Selection, 'sort' | 'along' | 'beside'> & { relationship: string };

/** What a read finds, before paging. `where` already holds the policy. */
export type Selection = {
  resource: Resource;
  where: Condition;
  sort: readonly Sort[];
  /** Attributes to show; all when absent. */
  attributes?: ReadonlySet<string>;
  /** Only records reached from these parents along the relationship. */
  along?: { relationship: Relationship; parents: readonly string[] };
  /** What is read beside each record. */
  beside?: readonly Beside[];
};

const column = (alias: string, field: string) => sql.ref(`${alias}.${columnOf(field)}`);

/**
 * The statement that reads a page of a selection: one row more than asked tells whether more follow.
 * Along a relationship it reads a page for each parent, in one statement.
 */
export function selectPage(
  known: Registry,
  actor: Actor,
  selection: Selection,
  page: Page,
): Statement {
  const slots = new Slots();
  const backwards = page.kind === 'cursor' && page.before !== undefined;
  const sort = backwards ? selection.sort.map(reversed) : selection.sort;
  const cursor = page.kind === 'cursor' ? (page.after ?? page.before) : undefined;
  const position =
    cursor && cursorValues(selection.resource, sort, cursor).map((it) => slots.take(it));
  const offset = page.kind === 'offset' && page.offset > 0 ? slots.take(page.offset) : undefined;
  const limit = (page.kind === 'cursor' ? page.size : page.limit) + 1;
  const shaped = shapeOf(slots, actor, selection);
  const key = JSON.stringify(['page', shaped.key, sort, limit, position, offset]);
  return prepared(key, slots, () => {
    const behind = position ? sql`and ${after(selection.resource, sort, position)}` : sql``;
    const skip = offset === undefined ? sql`` : sql`offset ${offset}`;
    const part = sql`${behind} order by ${orderBy(selection.resource, sort)}
      limit ${sql.raw(String(limit))} ${skip}`;
    if (!selection.along) return sql`${selectFrom(known, shaped.actor, shaped.selection)} ${part}`;
    // A lateral read runs once for each parent, and its rows come in its order.
    const each = selectFrom(known, shaped.actor, shaped.selection, sql`p.id`);
    return sql`select x.* from unnest(${shaped.selection.along!.parents}::uuid[]) p (id)
      cross join lateral (${each} ${part}) x`;
  });
}

/** The statement that reads at most `limit` records of a selection. */
export function selectSome(
  known: Registry,
  actor: Actor,
  selection: Selection,
  limit: number,
): Statement {
  const slots = new Slots();
  const shaped = shapeOf(slots, actor, selection);
  return prepared(JSON.stringify(['some', shaped.key, selection.sort, limit]), slots, () => {
    const from = selectFrom(known, shaped.actor, shaped.selection);
    return sql`${from} order by ${orderBy(selection.resource, selection.sort)} limit ${sql.raw(String(limit))}`;
  });
}

/** The statement that counts a selection; along a relationship a count and its parent for each that has any. */
export function selectCount(known: Registry, actor: Actor, selection: Selection): Statement {
  const slots = new Slots();
  const shaped = shapeOf(slots, actor, selection);
  return prepared(JSON.stringify(['count', shaped.key]), slots, () => {
    const from = fromWhere(known, shaped.actor, shaped.selection);
    if (!selection.along) return sql`select count(*) ${from}`;
    const parent = parentColumn(selection.along.relationship);
    return sql`select count(*), ${parent} ${from} group by ${parent}`;
  });
}

/** Asks whether the container of a record may be changed; the rule itself is the database's. */
export function selectOpen(
  known: Registry,
  resource: Resource,
  id: string,
  archivedToo: boolean,
): Sql {
  let at = resource;
  const joins: Sql[] = [];
  for (const [n, name] of resource.within!.entries()) {
    const step = at.relationships[name] as Relationship & { kind: 'belongs-to' };
    at = resourceOf(known, step.type);
    joins.push(
      sql`join ${sql.table(at.table)} ${sql.raw(`c${n + 1}`)}
        on ${sql.ref(`c${n + 1}.id`)} = ${column(`c${n}`, step.field)}`,
    );
  }
  const container = `c${joins.length}`;
  return sql`select require_open(${sql.ref(`${container}.team_id`)}, ${sql.ref(`${container}.id`)}, ${archivedToo})
    from ${sql.table(resource.table)} c0 ${sql.join(joins, sql` `)} where c0.id = ${id}`;
}

/** A selection with slots for its values, and a key of everything else that its text depends on. */
function shapeOf(slots: Slots, actor: Actor, selection: Selection) {
  const where = slotted(slots, selection.where);
  const along = selection.along && {
    ...selection.along,
    parents: slots.take(selection.along.parents),
  };
  const shown = selection.attributes && [...selection.attributes];
  const beside = (selection.beside ?? []).map((it) => ({ ...it, where: slotted(slots, it.where) }));
  const besides = beside.map((it) => [it.relationship, it.where, [...(it.attributes ?? '*')]]);
  const key = [selection.resource.type, where, along, shown, besides, selection.sort, actor.role];
  // Policies of related resources may name the person and the team.
  return {
    key,
    actor: { ...actor, userId: slots.take(actor.userId), teamId: slots.take(actor.teamId) },
    selection: { ...selection, where, along, beside },
  };
}

function slotted(slots: Slots, where: Condition): Condition {
  switch (where.kind) {
    case 'constant':
      return where;
    case 'compare':
      // Whether a nil is asked for is part of the text.
      return where.operator === 'is_nil' ? where : { ...where, value: slots.take(where.value) };
    case 'related':
      return { ...where, where: slotted(slots, where.where) };
    case 'not':
      return { kind: 'not', of: slotted(slots, where.of) };
    default:
      return { kind: where.kind, of: where.of.map((part) => slotted(slots, part)) };
  }
}

/** Turns a row of `selectPage` or `selectSome` into a record. */
export function rowOf(
  { resource, sort, beside = [] }: Pick<Selection, 'resource' | 'sort' | 'beside'>,
  row: TextRow,
  from = 0,
): Row {
  const keys: Row['keys'] = {};
  let at = from + 4;
  for (const field of foreignKeysOf(resource)) keys[field] = row[at++] ?? null;
  const sortValues = row.slice(at, at + sort.filter(notById).length) as (string | null)[];
  at += sortValues.length;
  const others: Row['beside'] = {};
  for (const { relationship, resource: other } of beside) {
    others[relationship] = row[at] ? rowOf({ resource: other, sort: [] }, row, at) : null;
    at += 4 + foreignKeysOf(other).length;
  }
  const [id, version, attributes, parent = null] = row.slice(from, from + 4);
  return {
    id: id!,
    version: version!,
    attributes: attributes!,
    parent,
    keys,
    sortValues,
    beside: others,
  };
}

/** The columns that `rowOf` reads, over the row that `alias` names. */
export function projection(
  resource: Resource,
  options: { version: Sql; parent?: Sql; attributes?: ReadonlySet<string>; sort?: readonly Sort[] },
  alias = 't',
): Sql {
  const names = Object.keys(resource.attributes);
  const members = names
    .filter((name) => options.attributes?.has(name) ?? true)
    .map((name) => sql`${fieldExpression(resource, name, alias)} as ${sql.id(name)}`);
  const sorted = (options.sort ?? []).filter(notById);
  return sql.join([
    column(alias, 'id'),
    options.version,
    // A row as JSON takes 0.7 of json_build_object's time, which asks for the type of every argument.
    members.length > 0
      ? sql`(select row_to_json(a)::text from (select ${sql.join(members)}) a)`
      : sql`'{}'`,
    options.parent ?? sql`null`,
    ...foreignKeysOf(resource).map((field) => column(alias, field)),
    ...sorted.map(({ field }) => sortExpression(resource, field)),
  ]);
}

/** The cursor of a record in an order: opaque, but for a resource that numbers its records. */
export function cursorOf(resource: Resource, row: Row): string {
  if (resource.cursor) return row.sortValues[0]!;
  // In the order of ids alone, the usual one, the id says it all.
  if (row.sortValues.length === 0) return row.id;
  return Buffer.from(JSON.stringify([...row.sortValues, row.id])).toString('base64url');
}

function selectFrom(known: Registry, actor: Actor, selection: Selection, parentIs?: Sql): Sql {
  const { resource, attributes, sort, along, beside = [] } = selection;
  const parent = along ? parentColumn(along.relationship) : undefined;
  const columns = [
    projection(resource, { version: sql`t.xmin::text`, parent, attributes, sort }),
    ...beside.map((_, at) => sql`${sql.raw(`b${at}`)}.*`),
  ];
  return sql`select ${sql.join(columns)} ${fromWhere(known, actor, selection, parentIs)}`;
}

/** A record that each of the selection belongs to, as `b0`, `b1` …: what its own read would show of it. */
function joinBeside(
  known: Registry,
  actor: Actor,
  { resource }: Selection,
  it: Beside,
  at: number,
): Sql {
  const key = column('t', (resource.relationships[it.relationship] as { field: string }).field);
  const columns = projection(
    it.resource,
    { version: sql`b.xmin::text`, attributes: it.attributes },
    'b',
  );
  return sql`left join lateral (select ${columns} from ${sql.table(it.resource.table)} b
    where b.id = ${key} and ${condition(known, actor, it.resource, it.where, 'b')}) ${sql.raw(`b${at}`)} on true`;
}

function fromWhere(known: Registry, actor: Actor, selection: Selection, parentIs?: Sql): Sql {
  const { resource, where, along, beside = [] } = selection;
  const through =
    along?.relationship.kind === 'many-through'
      ? sql`join ${sql.table(resourceOf(known, along.relationship.through).table)} j
          on ${column('j', along.relationship.otherField)} = t.id`
      : sql``;
  const besides = beside.map((it, at) => joinBeside(known, actor, selection, it, at));
  const join = sql`${through} ${sql.join(besides, sql` `)}`;
  const only = along
    ? sql`and ${parentColumn(along.relationship)} = ${parentIs ?? sql`any(${along.parents}::uuid[])`}`
    : sql``;
  return sql`from ${sql.table(resource.table)} t ${join} where ${condition(known, actor, resource, where, 't')} ${only}`;
}

const parentColumn = (relationship: Relationship): Sql =>
  relationship.kind === 'belongs-to'
    ? sql`t.id`
    : column(relationship.kind === 'many-through' ? 'j' : 't', relationship.field);

/** Whether a condition holds of the row that `alias` names. */
export function condition(
  known: Registry,
  actor: Actor,
  resource: Resource,
  where: Condition,
  alias: string,
): Sql {
  switch (where.kind) {
    case 'constant':
      return where.value ? sql`true` : sql`false`;
    case 'not':
      return sql`not coalesce(${condition(known, actor, resource, where.of, alias)}, false)`;
    case 'compare':
      return compare(fieldExpression(resource, where.field, alias), where.operator, where.value);
    case 'related':
      return related(known, actor, resource.relationships[where.relationship]!, where.where, alias);
    default: {
      const parts = where.of.map((part) => condition(known, actor, resource, part, alias));
      return sql`(${sql.join(parts, where.kind === 'and' ? sql` and ` : sql` or `)})`;
    }
  }
}

/** A filter through a relationship sees only what the actor could read there by itself. */
function related(
  known: Registry,
  actor: Actor,
  relationship: Relationship,
  where: Condition,
  alias: string,
): Sql {
  const target = resourceOf(known, relationship.type);
  const inner = `${alias}r`;
  const visible = every(toCondition(target.policies.read!, actor), where);
  const holds = condition(known, actor, target, visible, inner);
  const table = sql`${sql.table(target.table)} ${sql.raw(inner)}`;
  if (relationship.kind === 'belongs-to') {
    return sql`exists (select from ${table} where ${column(inner, 'id')} = ${column(alias, relationship.field)} and ${holds})`;
  }
  if (relationship.kind === 'many-through') {
    const join = `${alias}j`;
    return sql`exists (select from ${sql.table(resourceOf(known, relationship.through).table)} ${sql.raw(join)}
      join ${table} on ${column(inner, 'id')} = ${column(join, relationship.otherField)}
      where ${column(join, relationship.field)} = ${column(alias, 'id')} and ${holds})`;
  }
  return sql`exists (select from ${table} where ${column(inner, relationship.field)} = ${column(alias, 'id')} and ${holds})`;
}

function fieldExpression(resource: Resource, field: string, alias: string): Sql {
  const computed = (resource.attributes[field] ?? resource.internal?.[field])?.sql;
  return computed ? sql.raw(`(${computed.replace(/\bt\./g, `${alias}.`)})`) : column(alias, field);
}

function compare(field: Sql, operator: Operator, value: unknown): Sql {
  switch (operator) {
    case 'eq':
      return sql`${field} = ${value}`;
    case 'not_eq':
      return sql`${field} is distinct from ${value}`;
    case 'in':
      return sql`${field} = any(${value})`;
    case 'is_nil':
      return value ? sql`${field} is null` : sql`${field} is not null`;
    case 'contains':
      return sql`strpos(${field}, ${value}) > 0`;
    case 'starts_with':
      return sql`starts_with(${field}, ${value})`;
    default:
      return sql`${field} ${sql.raw({ lt: '<', lte: '<=', gt: '>', gte: '>=' }[operator])} ${value}`;
  }
}

const reversed = ({ field, descending }: Sort): Sort => ({ field, descending: !descending });

/** NULLs sort as the lowest value, so that a cursor can point at one. */
function sortExpression(resource: Resource, field: string): Sql {
  const attribute = resource.attributes[field];
  const expression = fieldExpression(resource, field, 't');
  if (!attribute?.nullable) return expression;
  const lowest = {
    integer: '-1',
    timestamp: "'-infinity'",
    boolean: 'false',
    uuid: "'00000000-0000-0000-0000-000000000000'",
  };
  return sql`coalesce(${expression}, ${sql.raw(lowest[attribute.kind as keyof typeof lowest] ?? "''")})`;
}

const notById = ({ field }: Sort) => field !== 'id';

const orderBy = (resource: Resource, sort: readonly Sort[]): Sql =>
  sql.join(
    sort.map(({ field, descending }) =>
      descending ? sql`${sortExpression(resource, field)} desc` : sortExpression(resource, field),
    ),
  );

/** Everything that comes after a cursor in the order: later in the first field that differs. */
function after(resource: Resource, sort: readonly Sort[], values: readonly unknown[]): Sql {
  const alternatives = sort.map((_, index) => {
    const parts = sort.slice(0, index + 1).map(({ field, descending }, part) => {
      const operator = part < index ? '=' : descending ? '<' : '>';
      return sql`${sortExpression(resource, field)} ${sql.raw(operator)} ${values[part]}`;
    });
    return sql`(${sql.join(parts, sql` and `)})`;
  });
  return sql`(${sql.join(alternatives, sql` or `)})`;
}

const badCursor = () =>
  malformed('The cursor is not one of ours for this order.', { parameter: 'page[after]' });

function numberIn(cursor: string): string {
  if (!/^\d{1,9}$/.test(cursor)) throw badCursor();
  return cursor;
}

function cursorValues(resource: Resource, sort: readonly Sort[], cursor: string): string[] {
  if (resource.cursor) return [numberIn(cursor)];
  if (sort.length === 1 && isUuid(cursor)) return [cursor];
  let values: unknown;
  try {
    values = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw badCursor();
  }
  const fits =
    Array.isArray(values) &&
    values.length === sort.length &&
    values.every((v) => typeof v === 'string' && !v.includes('\0'));
  if (!fits) throw badCursor();
  // The id stands last in a cursor, and wherever the order has it.
  const list = values as string[];
  const at = sort.findIndex(({ field }) => field === 'id');
  return at === sort.length - 1
    ? list
    : [...list.slice(0, at), list.at(-1)!, ...list.slice(at, -1)];
}
