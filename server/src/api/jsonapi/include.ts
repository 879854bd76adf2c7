import {
  type Actor,
  type IncludeTree,
  malformed,
  type Query,
  type Resource,
  requireScope,
  resourceOf,
} from '@kyozo/resource';
import type { Row } from '../../database/select.ts';
import { type Records, relatedLimit } from '../../records.ts';
import { type Linkage, resourceObject } from './document.ts';

/** Every record of a compound document, once, with the linkage that reaches it. */
type Collected = { linkage: Linkage; records: Map<string, { resource: Resource; row: Row }> };

/** Reads what `include` asks for, one statement a relationship and level, and writes it as JSON texts. */
export async function includedOf(
  records: Records,
  actor: Actor,
  query: Query,
  primary: readonly Row[],
): Promise<{ linkage: Linkage; included: string[] }> {
  const collected: Collected = { linkage: new Map(), records: new Map() };
  await collect(records, actor, query, query.resource, primary, query.include, collected);
  const ids = new Set(primary.map((row) => `${query.resource.type} ${row.id}`));
  const others = [...collected.records]
    .filter(([key]) => !ids.has(key))
    .map(([, record]) => record);
  const included = others.map(({ resource, row }) =>
    resourceObject(resource, row, query.fields, collected.linkage),
  );
  return { linkage: collected.linkage, included };
}

/** Refuses to include, before anything is done, what the actor's key may not read. @throws KyozoError `forbidden` */
export function requireIncludes(
  { known }: Pick<Records, 'known'>,
  actor: Actor | undefined,
  resource: Resource,
  tree: IncludeTree,
): void {
  for (const [name, below] of Object.entries(tree)) {
    const target = resourceOf(known, resource.relationships[name]!.type);
    requireScope(actor, target.type);
    requireIncludes({ known }, actor, target, below);
  }
}

async function collect(
  records: Records,
  actor: Actor,
  query: Query,
  resource: Resource,
  parents: readonly Row[],
  tree: IncludeTree,
  collected: Collected,
): Promise<void> {
  for (const [name, below] of Object.entries(tree)) {
    const relationship = resource.relationships[name]!;
    const target = resourceOf(records.known, relationship.type);
    const fields = query.fields.get(target.type);
    const rows = await reach(records, actor, resource, name, parents, fields);
    if (collected.records.size + rows.length > relatedLimit) {
      throw malformed(
        `More than ${relatedLimit} records would be included; read them page by page.`,
        {
          parameter: 'include',
        },
      );
    }
    for (const row of rows)
      collected.records.set(`${target.type} ${row.id}`, { resource: target, row });
    if (relationship.kind !== 'belongs-to')
      link(collected.linkage, name, target.type, parents, rows);
    const once = [...new Map(rows.map((row) => [row.id, row])).values()];
    await collect(records, actor, query, target, once, below, collected);
  }
}

function reach(
  records: Records,
  actor: Actor,
  resource: Resource,
  name: string,
  parents: readonly Row[],
  fields: ReadonlySet<string> | undefined,
): Promise<Row[]> {
  const relationship = resource.relationships[name]!;
  if (parents.length === 0) return Promise.resolve([]);
  if (relationship.kind !== 'belongs-to') {
    return records.along(
      actor,
      relationship,
      parents.map((row) => row.id),
      fields,
    );
  }
  const ids = new Set(
    parents.map((row) => row.keys[relationship.field]).filter((id) => id != null),
  );
  return records.byId(actor, resourceOf(records.known, relationship.type), [...ids], fields);
}

function link(
  linkage: Linkage,
  name: string,
  type: string,
  parents: readonly Row[],
  rows: readonly Row[],
): void {
  for (const parent of parents) {
    const found = rows
      .filter((row) => row.parent === parent.id)
      .map((row) => ({ type, id: row.id }));
    const own = linkage.get(parent.id) ?? new Map();
    linkage.set(parent.id, own.set(name, found));
  }
}
