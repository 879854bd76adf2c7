import { defaultLimits, operators, type Resource } from '@kyozo/resource';
import { schemaOf } from './schemas.ts';
import { type Json, queryParameter } from './shared.ts';

const { maxPageSize } = defaultLimits;
const count = { type: 'integer', minimum: 1, maximum: maxPageSize };
/** Parameters that page through many. */
export const pageParameters: Json[] = [
  queryParameter('page[size]', 'Page by cursor: how many.', count),
  queryParameter('page[after]', 'The cursor to start behind.', { type: 'string' }),
  queryParameter('page[before]', 'The cursor to end before.', { type: 'string' }),
  queryParameter('page[limit]', 'Page by offset: how many.', count),
  queryParameter('page[offset]', 'How many to skip.', { type: 'integer', minimum: 0 }),
  queryParameter('page[count]', 'Also count all, in `meta.page.total`.', { type: 'boolean' }),
];

/** Parameters that shape what is shown of records of a type. */
export function viewParameters(resource: Resource): Json[] {
  const relationships = Object.keys(resource.relationships).join(', ') || 'none';
  const fields = [...Object.keys(resource.attributes), ...Object.keys(resource.relationships)];
  return [
    queryParameter('include', `Paths of related records, comma separated: ${relationships}.`, {
      type: 'string',
    }),
    queryParameter(`fields[${resource.type}]`, `Fields to show: ${fields.join(', ')}.`, {
      type: 'string',
    }),
  ];
}

/** Parameters of a list: filter, sort, page and view. */
export function listParameters(resource: Resource): Json[] {
  const filterable = Object.entries(resource.attributes).filter(([, it]) => it.filterable);
  const sortable = Object.keys(resource.attributes).filter(
    (name) => resource.attributes[name]!.sortable,
  );
  const operatorsText = `also filter[name][operator] with ${operators.join(', ')}, filter[and|or|not] and relationships`;
  const id = { type: 'string', format: 'uuid' };
  return [
    queryParameter('filter[id]', `Only this record; ${operatorsText}.`, id),
    ...filterable.map(([name, it]) => {
      const { description, ...schema } = schemaOf(it);
      return queryParameter(`filter[${name}]`, String(description), schema);
    }),
    ...(resource.cursor
      ? []
      : [
          queryParameter(
            'sort',
            `Comma separated, - for descending: ${['id', ...sortable].join(', ')}.`,
            {
              type: 'string',
            },
          ),
        ]),
    ...pageParameters,
    ...viewParameters(resource),
  ];
}
