import {
  type Action,
  type Actor,
  foreignKeysOf,
  notFound,
  type Page,
  type Query,
  type Registry,
  type Relationship,
  type Resource,
  readable,
  readableById,
  requireScope,
  resourceOf,
  scopeAllows,
  toCondition,
  type Values,
} from '@kyozo/resource';
import type { Queries } from './database/database.ts';
import {
  type Row,
  rowOf,
  type Selection,
  selectCount,
  selectOpen,
  selectPage,
  selectSome,
} from './database/select.ts';

/** Belongs-to relationships to read beside each record, with the attributes to show of them. */
export type Wanted = ReadonlyMap<string, ReadonlySet<string>>;
/** What a page is read along and beside. */
type Around = Pick<Selection, 'along'> & { beside?: Wanted };
export type PageOfRows = { rows: Row[]; before: boolean; after: boolean; total?: number };

/** At most this many records are reached along one relationship in one read. */
export const relatedLimit = 1_000;

/** Brings records of a type up to date before they are read, first those with these ids or parents. */
export type Freshen = (actor: Actor, type: string, wanted: readonly string[]) => Promise<void>;

/** Reads records as an actor: what every edge shows comes from here. */
export class Records {
  readonly #database: Queries;
  readonly known: Registry;
  readonly #freshen: Freshen | undefined;

  constructor(database: Queries, known: Registry, freshen?: Freshen) {
    this.#database = database;
    this.#freshen = freshen;
    this.known = known;
  }

  /** One page of a query, or of what it finds along a relationship of one parent. */
  async page(actor: Actor, query: Query, { along, beside }: Around = {}): Promise<PageOfRows> {
    await this.#freshen?.(actor, query.resource.type, along?.parents ?? []);
    const selection = {
      ...this.#selection(actor, query, along),
      beside: this.#beside(actor, query.resource, beside),
    };
    const [found, counted] = await Promise.all([
      this.#database.text(actor, selectPage(this.known, actor, selection, query.page)),
      query.page.count
        ? this.#database.text(actor, selectCount(this.known, actor, selection))
        : undefined,
    ]);
    const rows = found.map((row) => rowOf(selection, row));
    return { ...cut(rows, query.page), total: counted && Number(counted[0]?.[0] ?? 0) };
  }

  /** One page of a query for each parent that it is reached from, all in one statement. */
  async pages(
    actor: Actor,
    query: Query,
    relationship: Relationship,
    parents: readonly string[],
  ): Promise<Map<string, PageOfRows>> {
    await this.#freshen?.(actor, query.resource.type, parents);
    const selection = this.#selection(actor, query, { relationship, parents });
    const found = await this.#database.text(
      actor,
      selectPage(this.known, actor, selection, query.page),
    );
    const rows = Map.groupBy(
      found.map((row) => rowOf(selection, row)),
      (row) => row.parent!,
    );
    return new Map(parents.map((parent) => [parent, cut(rows.get(parent) ?? [], query.page)]));
  }

  /** How many records a query finds for each parent, in one statement; a parent without any is absent. */
  async counts(
    actor: Actor,
    query: Query,
    relationship: Relationship,
    parents: readonly string[],
  ): Promise<Map<string, number>> {
    const selection = this.#selection(actor, query, { relationship, parents });
    const found = await this.#database.text(actor, selectCount(this.known, actor, selection));
    return new Map(found.map(([count, parent]) => [parent!, Number(count)]));
  }

  /** How many records a query finds. */
  async count(actor: Actor, query: Query): Promise<number> {
    const selection = this.#selection(actor, query);
    const found = await this.#database.text(actor, selectCount(this.known, actor, selection));
    return Number(found[0]![0]);
  }

  /** One record, in the trash or not. @throws KyozoError `not_found`, also when the actor may not see it */
  async one(
    actor: Actor,
    resource: Resource,
    id: string,
    attributes?: ReadonlySet<string>,
  ): Promise<Row> {
    const where = readableById(resource, actor, [id]);
    await this.#freshen?.(actor, resource.type, [id]);
    const rows = await this.#some(actor, { resource, where, sort: [], attributes }, 1);
    if (!rows[0]) throw notFound();
    return rows[0];
  }

  /**
   * Refuses to change a record whose container is closed; the database asks the same of what is written.
   * @throws KyozoError `forbidden` when it is archived, `conflict` when it is in the trash
   */
  async requireOpen(
    actor: Actor,
    resource: Resource,
    id: string,
    allowedIn?: Action['allowedIn'],
  ): Promise<void> {
    if (!resource.within || allowedIn === 'trash') return;
    const statement = selectOpen(this.known, resource, id, allowedIn === 'archive');
    await this.#database.rows(actor, statement);
  }

  /** The records that a belongs-to relationship of others points at, in the trash or not. */
  async byId(
    actor: Actor,
    resource: Resource,
    ids: readonly string[],
    attributes?: ReadonlySet<string>,
  ): Promise<Row[]> {
    if (ids.length === 0) return [];
    await this.#freshen?.(actor, resource.type, ids);
    const where = readableById(resource, actor, ids);
    return this.#some(actor, { resource, where, sort: [], attributes }, ids.length);
  }

  /** The records reached from parents along a relationship to one or many, each with its `parent`. */
  async along(
    actor: Actor,
    relationship: Relationship,
    parents: readonly string[],
    attributes?: ReadonlySet<string>,
  ): Promise<Row[]> {
    const resource = resourceOf(this.known, relationship.type);
    await this.#freshen?.(actor, resource.type, parents);
    const where = readable(resource, actor);
    const sort = [...(resource.sort ?? []), { field: 'id', descending: true }];
    return this.#some(
      actor,
      { resource, where, sort, attributes, along: { relationship, parents } },
      relatedLimit + 1,
    );
  }

  #selection(actor: Actor, query: Query, along?: Selection['along']): Selection {
    for (const type of query.looksAt) requireScope(actor, type);
    return {
      resource: query.resource,
      where: readable(query.resource, actor, query.where),
      sort: query.sort,
      attributes: query.fields.get(query.resource.type),
      along,
    };
  }

  /** What of a record's belongings can be read beside it: those that this actor may read at all. */
  #beside(actor: Actor, resource: Resource, wanted: Wanted = new Map()): Selection['beside'] {
    return [...wanted].flatMap(([relationship, attributes]) => {
      const target = resourceOf(this.known, resource.relationships[relationship]!.type);
      if (!scopeAllows(actor, target.type, 'read')) return [];
      const where = toCondition(target.policies.read!, actor);
      return [{ relationship, resource: target, attributes, where }];
    });
  }

  async #some(actor: Actor, selection: Selection, limit: number): Promise<Row[]> {
    const orderly =
      selection.sort.length > 0
        ? selection
        : { ...selection, sort: [{ field: 'id', descending: true }] };
    const rows = await this.#database.text(actor, selectSome(this.known, actor, orderly, limit));
    return rows.map((row) => rowOf(orderly, row));
  }
}

/** The fields of a record by name, as a policy asks for them. */
export function valuesOf(resource: Resource, row: Row): Values {
  const keys: Values = {};
  for (const field of foreignKeysOf(resource)) keys[field] = row.keys[field];
  return { id: row.id, ...keys, ...(JSON.parse(row.attributes) as Values) };
}

/** Drops the extra row that told whether more follow, and puts a page that was read backwards in order. */
function cut(rows: Row[], page: Page): Omit<PageOfRows, 'total'> {
  const size = page.kind === 'cursor' ? page.size : page.limit;
  const more = rows.length > size;
  const kept = more ? rows.slice(0, size) : rows;
  if (page.kind === 'offset') return { rows: kept, before: page.offset > 0, after: more };
  // Before nothing is the end.
  if (page.before !== undefined) {
    return { rows: kept.reverse(), before: more, after: page.before !== '' };
  }
  return { rows: kept, before: page.after !== undefined, after: more };
}
