import type { Resource } from '@kyozo/resource';
import type { Row } from '../../database/select.ts';
import { typeName } from './names.ts';

/** A record as resolvers pass it on: attributes by name, and what relationships need. */
export type Shown = Record<string, unknown> & { id: string; __typename: string; __row: Row };

export function shown(resource: Resource, row: Row): Shown {
  const record = JSON.parse(row.attributes) as Shown;
  record.id = row.id;
  record.__typename = typeName(resource.type);
  record.__row = row;
  return record;
}
