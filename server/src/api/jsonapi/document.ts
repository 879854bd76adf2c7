import type { Query, Relationship, Resource } from '@kyozo/resource';
import type { Row } from '../../database/select.ts';

export const root = '/api/v1';
/** Related records by parent id and relationship, for those that were included. */
export type Linkage = Map<string, Map<string, readonly { type: string; id: string }[]>>;

/**
 * A resource object as JSON text. PostgreSQL has built the attributes; identifiers are UUIDs and
 * names come from declarations, so nothing here needs escaping.
 */
export function resourceObject(
  resource: Resource,
  row: Row,
  fields: Query['fields'],
  linkage?: Linkage,
  meta?: string,
): string {
  const { id } = row;
  const self = `${root}/${resource.type}/${id}`;
  let related = '';
  for (const { relationship, name, open, close } of relationshipsOf(resource, fields)) {
    const data =
      relationship.kind === 'belongs-to'
        ? `"data":${identifier(relationship.type, row.keys[relationship.field] ?? null)},`
        : included(linkage?.get(id)?.get(name), relationship.kind === 'has-one');
    related += `${related ? ',' : ''}${open}${data}"links":{"self":"${self}/relationships/${name}","related":"${self}/${close}`;
  }
  const attributes = row.attributes === '{}' ? '' : `,"attributes":${row.attributes}`;
  const relationships = related ? `,"relationships":{${related}}` : '';
  return `{"type":"${resource.type}","id":"${id}"${attributes}${relationships},"links":{"self":"${self}"}${meta ? `,"meta":${meta}` : ''}}`;
}

type Shown = { name: string; relationship: Relationship; open: string; close: string };
const shownOf = new WeakMap<object, readonly Shown[]>();

/** The relationships that are shown, and the texts around them that no record changes. */
function relationshipsOf(resource: Resource, fields: Query['fields']): readonly Shown[] {
  const only = fields.get(resource.type);
  const known = shownOf.get(only ?? resource);
  if (known) return known;
  const shown = Object.entries(resource.relationships)
    .filter(([name]) => only?.has(name) ?? true)
    .map(([name, relationship]) => ({
      ...{ name, relationship },
      open: `"${name}":{`,
      close: `${name}"}}`,
    }));
  shownOf.set(only ?? resource, shown);
  return shown;
}

export const identifier = (type: string, id: string | null): string =>
  id === null ? 'null' : `{"type":"${type}","id":"${id}"}`;

function included(
  records: readonly { type: string; id: string }[] | undefined,
  one: boolean,
): string {
  if (!records) return '';
  const identifiers = records.map((record) => identifier(record.type, record.id));
  return `"data":${one ? (identifiers[0] ?? 'null') : `[${identifiers.join(',')}]`},`;
}

/** A top-level document from parts that are JSON text already. */
export function documentText(parts: {
  data: string;
  included?: readonly string[];
  links?: object;
  meta?: object;
}): string {
  const included = parts.included ? `,"included":[${parts.included.join(',')}]` : '';
  const links = parts.links ? `,"links":${JSON.stringify(parts.links)}` : '';
  const meta =
    parts.meta && Object.keys(parts.meta).length > 0 ? `,"meta":${JSON.stringify(parts.meta)}` : '';
  return `{"jsonapi":{"version":"1.1"},"data":${parts.data}${included}${links}${meta}}`;
}

/** A document that tells something and shows no record. */
export const metaText = (meta: object): string =>
  `{"jsonapi":{"version":"1.1"},"meta":${JSON.stringify(meta)}}`;
