import type { Query, Resource } from '@kyozo/resource';
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
  const self = `${root}/${resource.type}/${row.id}`;
  const shown = fields.get(resource.type);
  const relationships = Object.entries(resource.relationships)
    .filter(([name]) => shown?.has(name) ?? true)
    .map(([name, relationship]) => {
      const data =
        relationship.kind === 'belongs-to'
          ? `"data":${identifier(relationship.type, row.keys[relationship.field] ?? null)},`
          : included(linkage?.get(row.id)?.get(name), relationship.kind === 'has-one');
      return `"${name}":{${data}"links":{"self":"${self}/relationships/${name}","related":"${self}/${name}"}}`;
    });
  const attributes = row.attributes === '{}' ? '' : `,"attributes":${row.attributes}`;
  const related = relationships.length > 0 ? `,"relationships":{${relationships.join(',')}}` : '';
  return `{"type":"${resource.type}","id":"${row.id}"${attributes}${related},"links":{"self":"${self}"}${meta ? `,"meta":${meta}` : ''}}`;
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
