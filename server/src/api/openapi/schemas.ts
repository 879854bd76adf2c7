import type { Action, Attribute, Resource } from '@kyozo/resource';
import { type Json, named, schemaRef } from './shared.ts';

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };

/** The schema of an attribute's value. */
export function schemaOf(attribute: Attribute): Json {
  const kinds: Record<Attribute['kind'], Json> = {
    text: {
      type: 'string',
      maxLength: attribute.max,
      ...(attribute.min ? { minLength: attribute.min } : {}),
      ...(attribute.format === 'email' ? { format: 'email' } : {}),
    },
    choice: { type: 'string', enum: attribute.values },
    integer: { type: 'integer', ...(attribute.min ? { minimum: attribute.min } : {}) },
    boolean: { type: 'boolean' },
    timestamp: { type: 'string', format: 'date-time' },
    uuid,
    json: { ...attribute.schema },
    texts: { type: 'array', items: text },
  };
  const schema = kinds[attribute.kind];
  return {
    ...schema,
    description: attribute.description,
    ...(attribute.nullable && schema.type ? { type: [schema.type, 'null'] } : {}),
    ...(attribute.nullable && schema.enum ? { enum: [...attribute.values!, null] } : {}),
  };
}

/** A resource, a document of one, and a page of many. */
export function resourceSchemas(resource: Resource): Json {
  const name = named(resource.type);
  const relationships = mapped(resource.relationships, (it) =>
    schemaRef(isToMany(it) ? 'RelationshipToMany' : 'RelationshipToOne'),
  );
  return {
    [name]: {
      type: 'object',
      description: resource.description,
      required: ['type', 'id'],
      properties: {
        type: { const: resource.type },
        id: uuid,
        attributes: { type: 'object', properties: mapped(resource.attributes, schemaOf) },
        relationships: { type: 'object', properties: relationships },
        links: schemaRef('Links'),
        meta: schemaRef('Meta'),
      },
    },
    [`${name}Document`]: documentOf(schemaRef(name)),
    // A relationship to one may be empty.
    [`${name}OrNone`]: documentOf({ anyOf: [schemaRef(name), { type: 'null' }] }),
    [`${name}List`]: documentOf({ type: 'array', items: schemaRef(name) }),
  };
}

export const isToMany = (it: { kind: string }) =>
  it.kind === 'has-many' || it.kind === 'many-through';

/** What an action takes: a document with a resource object of its accepted members. */
export function inputSchema(resource: Resource, action: Action): Json | undefined {
  const members = {
    ...action.arguments,
    ...Object.fromEntries((action.accept ?? []).map((it) => [it, resource.attributes[it]!])),
  };
  const linked = action.relate ?? [];
  if (Object.keys(members).length === 0 && linked.length === 0) return undefined;
  const required = (action.require ?? []).filter((name) => name in members);
  const links = linked.filter((name) => action.require?.includes(name));
  const onRecord = action.kind === 'update' && !action.route;
  const type = action.answers && action.answers !== resource.type ? text : { const: resource.type };
  return {
    type: 'object',
    required: ['data'],
    properties: {
      data: {
        type: 'object',
        required: [
          'type',
          ...(onRecord ? ['id'] : []),
          ...(required.length > 0 ? ['attributes'] : []),
          ...(links.length > 0 ? ['relationships'] : []),
        ],
        properties: {
          type,
          ...(onRecord ? { id: uuid } : {}),
          attributes: {
            type: 'object',
            additionalProperties: false,
            required,
            properties: mapped(members, schemaOf),
          },
          ...(linked.length > 0 ? { relationships: linkageInput(resource, linked, links) } : {}),
        },
      },
    },
  };
}

const linkageInput = (resource: Resource, linked: readonly string[], required: string[]): Json => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties: Object.fromEntries(
    linked.map((name) => [
      name,
      {
        type: 'object',
        required: ['data'],
        properties: {
          data: {
            type: 'object',
            required: ['type', 'id'],
            properties: { type: { const: resource.relationships[name]!.type }, id: uuid },
          },
        },
      },
    ]),
  ),
});

const documentOf = (data: Json): Json => ({
  type: 'object',
  required: ['data'],
  properties: {
    jsonapi: schemaRef('JsonApi'),
    data,
    included: { type: 'array', items: schemaRef('Resource') },
    links: schemaRef('Links'),
    meta: schemaRef('Meta'),
  },
});

const mapped = <T>(record: Readonly<Record<string, T>>, map: (value: T) => Json): Json =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

const identifier = {
  type: 'object',
  required: ['type', 'id'],
  properties: { type: text, id: text, lid: text },
};

export const sharedSchemas: Json = {
  JsonApi: { type: 'object', properties: { version: { const: '1.1' } } },
  Links: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
  Meta: { type: 'object', additionalProperties: true },
  Resource: {
    type: 'object',
    required: ['type', 'id'],
    properties: {
      type: text,
      id: text,
      attributes: { type: 'object', additionalProperties: true },
      relationships: { type: 'object', additionalProperties: true },
      links: schemaRef('Links'),
    },
  },
  Identifier: { ...identifier, required: ['type', 'id'] },
  RelationshipToOne: {
    type: 'object',
    properties: {
      data: { anyOf: [schemaRef('Identifier'), { type: 'null' }] },
      links: schemaRef('Links'),
    },
  },
  RelationshipToMany: {
    type: 'object',
    properties: {
      data: { type: 'array', items: schemaRef('Identifier') },
      links: schemaRef('Links'),
    },
  },
  LinkageToOne: documentOf({ anyOf: [schemaRef('Identifier'), { type: 'null' }] }),
  LinkageToMany: documentOf({ type: 'array', items: schemaRef('Identifier') }),
  Told: {
    type: 'object',
    required: ['meta'],
    properties: { jsonapi: schemaRef('JsonApi'), meta: schemaRef('Meta') },
  },
  Operations: {
    type: 'object',
    required: ['atomic:operations'],
    properties: {
      'atomic:operations': {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: {
          type: 'object',
          required: ['op'],
          properties: {
            op: { enum: ['add', 'update', 'remove'] },
            ref: {
              ...identifier,
              required: ['type'],
              properties: { ...identifier.properties, relationship: text },
            },
            href: text,
            data: {},
            meta: schemaRef('Meta'),
          },
        },
      },
    },
  },
  Results: {
    type: 'object',
    required: ['atomic:results'],
    properties: {
      'atomic:results': {
        type: 'array',
        items: {
          type: 'object',
          properties: { data: schemaRef('Resource'), meta: schemaRef('Meta') },
        },
      },
    },
  },
  Errors: {
    type: 'object',
    required: ['errors'],
    properties: {
      jsonapi: schemaRef('JsonApi'),
      errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['status', 'code', 'title', 'detail'],
          properties: {
            status: text,
            code: text,
            title: text,
            detail: text,
            links: schemaRef('Links'),
            source: {
              type: 'object',
              properties: { pointer: text, parameter: text, header: text },
            },
            meta: schemaRef('Meta'),
          },
        },
      },
    },
  },
};
