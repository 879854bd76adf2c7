import type { Action, Attribute, Registry, Resource } from '@kyozo/resource';
import { operators } from '@kyozo/resource';
import { mediaType } from './jsonapi/media-type.ts';
import { actionsOf, placeOf } from './jsonapi/routes.ts';

type Json = { [name: string]: unknown };
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const body = (schema: Json): Json => ({ content: { [mediaType]: { schema } } });
const named = (type: string) =>
  type
    .replace(/s$/, '')
    .replace(/(^|-)([a-z])/g, (_, _dash: string, letter: string) => letter.toUpperCase());

/** The OpenAPI 3.1 document of everything under `/api/v1`, from the declarations. */
export function openApi(known: Registry, version: string): Json {
  const resources = [...known.values()];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kyozo Store',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ bearer: [] }],
    paths: Object.assign({}, ...resources.map((resource) => pathsOf(resource)), extraPaths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token or an API key.' },
      },
      schemas: Object.assign(
        {},
        sharedSchemas,
        ...resources.map((resource) => schemasOf(resource)),
      ),
    },
  };
}

function pathsOf(resource: Resource): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const add = (path: string, method: string, operation: Json) => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  const base = `/${resource.type}`;
  const name = named(resource.type);
  add(
    base,
    'get',
    operation(`list${name}s`, resource, 'Lists them, page by page.', listParameters(resource), {
      200: ref(`${name}List`),
    }),
  );
  add(
    `${base}/{id}`,
    'get',
    operation(`get${name}`, resource, 'Answers one.', [id, ...viewParameters], {
      200: ref(`${name}Document`),
    }),
  );
  for (const [relationship, it] of Object.entries(resource.relationships)) {
    const target = named(it.type);
    const many = it.kind === 'has-many' || it.kind === 'many-through';
    const title = relationship.charAt(0).toUpperCase() + relationship.slice(1);
    const answer = ref(many ? `${target}List` : `${target}Document`);
    add(
      `${base}/{id}/${relationship}`,
      'get',
      operation(
        `get${name}${title}`,
        resource,
        `Follows ${relationship}.`,
        [id, ...(many ? pageParameters : []), ...viewParameters],
        { 200: answer },
      ),
    );
    add(
      `${base}/{id}/relationships/${relationship}`,
      'get',
      operation(`get${name}${title}Linkage`, resource, `The linkage of ${relationship}.`, [id], {
        200: ref(many ? 'LinkageToMany' : 'LinkageToOne'),
      }),
    );
  }
  for (const action of actionsOf(resource).filter((it) => it !== 'write')) {
    const { method, url } = placeOf(resource, action);
    add(url.replace(':id', '{id}'), method.toLowerCase(), actionOperation(resource, action));
  }
  return paths;
}

function actionOperation(resource: Resource, name: string): Json {
  const action = resource.actions[name]!;
  const operationId =
    name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()) + named(resource.type);
  const status =
    action.status ?? (action.kind === 'create' ? 201 : action.kind === 'destroy' ? 204 : 200);
  const answer =
    status === 204 ? undefined : ref(`${named(action.answers ?? resource.type)}Document`);
  const onRecord = placeOf(resource, name).url.includes(':id');
  const members = {
    ...action.arguments,
    ...Object.fromEntries((action.accept ?? []).map((it) => [it, resource.attributes[it]!])),
  };
  const takesBody = Object.keys(members).length > 0 || (action.relate?.length ?? 0) > 0;
  return {
    ...operation(operationId, resource, action.description, onRecord ? [id] : [], {
      [status]: answer,
    }),
    ...(takesBody
      ? {
          requestBody: {
            required: (action.require?.length ?? 0) > 0,
            ...body(inputSchema(resource, action, members, onRecord)),
          },
        }
      : {}),
    ...(resource.policies[name]!.check === 'anyone' ? { security: [] } : {}),
  };
}

function inputSchema(
  resource: Resource,
  action: Action,
  members: Record<string, Attribute>,
  onRecord: boolean,
): Json {
  const required = (action.require ?? []).filter((name) => name in members);
  const linked = action.relate ?? [];
  const plain = onRecord && !action.route;
  return {
    type: 'object',
    required: ['data'],
    properties: {
      data: {
        type: 'object',
        required: [
          'type',
          ...(plain ? ['id'] : []),
          ...(required.length > 0 ? ['attributes'] : []),
          ...(linked.length > 0 ? ['relationships'] : []),
        ],
        properties: {
          type: {
            const: action.answers && action.answers !== resource.type ? undefined : resource.type,
          },
          ...(plain ? { id: { type: 'string', format: 'uuid' } } : {}),
          attributes: {
            type: 'object',
            additionalProperties: false,
            required,
            properties: mapped(members, schemaOf),
          },
          ...(linked.length > 0
            ? {
                relationships: {
                  type: 'object',
                  additionalProperties: false,
                  required: linked.filter((it) => action.require?.includes(it)),
                  properties: Object.fromEntries(
                    linked.map((it) => [it, linkageTo(resource.relationships[it]!.type)]),
                  ),
                },
              }
            : {}),
        },
      },
    },
  };
}

const linkageTo = (type: string): Json => ({
  type: 'object',
  required: ['data'],
  properties: {
    data: {
      type: 'object',
      required: ['type', 'id'],
      properties: { type: { const: type }, id: { type: 'string', format: 'uuid' } },
    },
  },
});

function schemasOf(resource: Resource): Json {
  const name = named(resource.type);
  const relationships = mapped(resource.relationships, (it) =>
    it.kind === 'has-many' || it.kind === 'many-through'
      ? ref('RelationshipToMany')
      : ref('RelationshipToOne'),
  );
  return {
    [name]: {
      type: 'object',
      description: resource.description,
      required: ['type', 'id'],
      properties: {
        type: { const: resource.type },
        id: { type: 'string', format: 'uuid' },
        attributes: { type: 'object', properties: mapped(resource.attributes, schemaOf) },
        relationships: { type: 'object', properties: relationships },
        links: { type: 'object' },
        meta: { type: 'object' },
      },
    },
    [`${name}Document`]: documentOf({ anyOf: [ref(name), { type: 'null' }] }),
    [`${name}List`]: documentOf({ type: 'array', items: ref(name) }),
  };
}

const documentOf = (data: Json): Json => ({
  type: 'object',
  required: ['data'],
  properties: {
    jsonapi: { type: 'object' },
    data,
    included: { type: 'array', items: ref('Resource') },
    links: { type: 'object' },
    meta: { type: 'object' },
  },
});

function schemaOf(attribute: Attribute): Json {
  const described = { description: attribute.description };
  const kinds: Record<Attribute['kind'], Json> = {
    text: {
      type: 'string',
      maxLength: attribute.max,
      ...(attribute.min ? { minLength: attribute.min } : {}),
      ...(attribute.format === 'email' ? { format: 'email' } : {}),
    },
    choice: { type: 'string', enum: attribute.values },
    integer: { type: 'integer' },
    boolean: { type: 'boolean' },
    timestamp: { type: 'string', format: 'date-time' },
    uuid: { type: 'string', format: 'uuid' },
    json: {},
    texts: { type: 'array', items: { type: 'string' } },
  };
  const schema = kinds[attribute.kind];
  return {
    ...schema,
    ...described,
    ...(attribute.nullable && schema.type ? { type: [schema.type, 'null'] } : {}),
  };
}

function operation(
  operationId: string,
  resource: Resource,
  summary: string,
  parameters: Json[],
  answers: Record<number, Json | undefined>,
): Json {
  const responses = Object.entries(answers).map(([status, schema]) => [
    status,
    { description: 'Done.', ...(schema ? body(schema) : {}) },
  ]);
  return {
    operationId,
    tags: [resource.type],
    summary,
    parameters,
    responses: {
      ...Object.fromEntries(responses),
      default: { description: 'Not done.', ...body(ref('Errors')) },
    },
  };
}

const mapped = <T>(record: Readonly<Record<string, T>>, map: (value: T) => Json): Json =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

const id: Json = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', format: 'uuid' },
};
const query = (name: string, description: string, schema: Json): Json => ({
  name,
  in: 'query',
  description,
  schema,
});
const pageParameters = [
  query('page[size]', 'Page by cursor: how many.', { type: 'integer', minimum: 1, maximum: 100 }),
  query('page[after]', 'The cursor to start behind.', { type: 'string' }),
  query('page[before]', 'The cursor to end before.', { type: 'string' }),
  query('page[limit]', 'Page by offset: how many.', { type: 'integer', minimum: 1, maximum: 100 }),
  query('page[offset]', 'How many to skip.', { type: 'integer', minimum: 0 }),
  query('page[count]', 'Also count all.', { type: 'boolean' }),
];
const viewParameters = [
  query('include', 'Related records to include: dot paths, comma separated.', { type: 'string' }),
  query('fields', 'Fields to show, by type: fields[files]=path,size.', {
    type: 'object',
    additionalProperties: { type: 'string' },
  }),
];

function listParameters(resource: Resource): Json[] {
  const filterable = Object.keys(resource.attributes).filter(
    (name) => resource.attributes[name]!.filterable,
  );
  const filter = query(
    'filter',
    `filter[name]=x or filter[name][op]=x with ${operators.join(', ')}; fields: ${['id', ...filterable].join(', ')}; also and, or, not and relationships.`,
    { type: 'object', additionalProperties: true },
  );
  const sort = query('sort', 'Fields, comma separated; - for descending.', { type: 'string' });
  return [{ ...filter, style: 'deepObject' }, sort, ...pageParameters, ...viewParameters];
}

const sharedSchemas: Json = {
  Resource: {
    type: 'object',
    required: ['type', 'id'],
    properties: { type: { type: 'string' }, id: { type: 'string' } },
  },
  Identifier: {
    type: 'object',
    required: ['type', 'id'],
    properties: { type: { type: 'string' }, id: { type: 'string' } },
  },
  RelationshipToOne: {
    type: 'object',
    properties: {
      data: { anyOf: [ref('Identifier'), { type: 'null' }] },
      links: { type: 'object' },
    },
  },
  RelationshipToMany: {
    type: 'object',
    properties: { data: { type: 'array', items: ref('Identifier') }, links: { type: 'object' } },
  },
  LinkageToOne: documentOf({ anyOf: [ref('Identifier'), { type: 'null' }] }),
  LinkageToMany: documentOf({ type: 'array', items: ref('Identifier') }),
  Errors: {
    type: 'object',
    required: ['errors'],
    properties: {
      errors: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            status: { type: 'string' },
            code: { type: 'string' },
            title: { type: 'string' },
            detail: { type: 'string' },
            source: { type: 'object' },
            meta: { type: 'object' },
          },
        },
      },
    },
  },
};

const raw = { 'application/octet-stream': { schema: {} } };
/** Routes that are not JSON:API resources. */
const extraPaths: Json = {
  '/users/me': {
    get: {
      operationId: 'getMe',
      tags: ['users'],
      summary: 'The signed-in person.',
      parameters: viewParameters,
      responses: { 200: { description: 'Done.', ...body(ref('UserDocument')) } },
    },
  },
  '/files/{id}/content': {
    get: {
      operationId: 'getFileContent',
      tags: ['files'],
      summary: 'The raw bytes; ranges work.',
      parameters: [id],
      responses: {
        200: { description: 'The bytes.', content: raw },
        206: { description: 'A part.', content: raw },
        304: { description: 'Unchanged.' },
      },
    },
    put: {
      operationId: 'putFileContent',
      tags: ['files'],
      summary: 'Replaces the bytes; makes a version.',
      parameters: [id],
      requestBody: { content: raw },
      responses: { 200: { description: 'Done.', ...body(ref('FileDocument')) } },
    },
  },
  '/events/stream': {
    get: {
      operationId: 'streamEvents',
      tags: ['events'],
      summary: 'What happens, as server-sent events.',
      parameters: [
        query('workspace', 'Only of this workspace.', { type: 'string', format: 'uuid' }),
      ],
      responses: { 200: { description: 'The stream.', content: { 'text/event-stream': {} } } },
    },
  },
  '/task-runs/{id}/outputs/stream': {
    get: {
      operationId: 'streamTaskRunOutputs',
      tags: ['task-runs'],
      summary: 'Outputs as they come, as server-sent events.',
      parameters: [id],
      responses: { 200: { description: 'The stream.', content: { 'text/event-stream': {} } } },
    },
  },
};
