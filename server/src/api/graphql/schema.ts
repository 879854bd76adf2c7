import type { Action, Attribute, Registry, Resource } from '@kyozo/resource';
import {
  changedName,
  hasEvents,
  inputName,
  listName,
  mutationName,
  mutationsOf,
  oneName,
  relateName,
  typeName,
  verifyNames,
} from './names.ts';

const shared = `"""A time, ISO 8601."""
scalar DateTime
"""Any JSON."""
scalar JSON
"""A whole number of up to 53 bits."""
scalar Long
"""Anything with an id."""
interface Node { id: ID! }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
"""Why a mutation did nothing."""
type MutationError { message: String! code: String! fields: [String!]! }
"""A change of a record, as its reader may see it; after its cursor a subscription resumes."""
type EventMessage { cursor: String! id: ID! name: String! resource: String! recordId: ID! user: User data: JSON! occurredAt: DateTime! }
`;

/** The SDL of every declared resource: what JSON:API shows, with the same names in GraphQL's case. */
export function schemaOf(known: Registry): string {
  verifyNames(known);
  const resources = [...known.values()];
  const parts = [shared, ...filters(), ...resources.flatMap((resource) => typesOf(resource))];
  const queries = resources.flatMap((resource) => [
    `${listName(resource.type)}${listArguments(resource.type)}: ${typeName(resource.type)}Connection!`,
    `${oneName(resource.type)}(id: ID!): ${typeName(resource.type)}`,
  ]);
  const mutations = resources.flatMap((resource) =>
    mutationsOf(resource).map((name) => mutationOf(resource, name)),
  );
  const changes = resources
    .filter(hasEvents)
    .map(({ type }) =>
      described(
        `Changes of ${type}, or of one. The record is as it is now; null when it is gone.`,
        `${changedName(type)}(id: ID, after: String): ${typeName(type)}Change!`,
      ),
    );
  return [
    ...parts,
    block('type Query', [
      '"""The signed-in person."""',
      'me: User',
      'node(id: ID!): Node',
      'nodes(ids: [ID!]!): [Node]!',
      ...queries,
    ]),
    block('type Mutation', mutations),
    block('type Subscription', [
      described(
        'What happens in the team, or in one workspace; from now on, or from a cursor.',
        'events(workspaceId: ID, after: String): EventMessage!',
      ),
      described(
        'What a run says, from its beginning or from a number; ends with the run.',
        'taskRunOutputs(runId: ID!, after: Long): TaskRunOutput!',
      ),
      ...changes,
    ]),
  ].join('\n');
}

/** A filter input for each kind of attribute, named by what it compares. */
function filters(): string[] {
  return Object.entries(scalars).map(([kind, scalar]) => {
    const ordered = ['gt', 'gte', 'lt', 'lte'].map((operator) => `${operator}: ${scalar}`);
    const textual = kind === 'Text' ? ['contains: String', 'starts_with: String'] : [];
    return `input ${kind}Filter { eq: ${scalar} not_eq: ${scalar} in: [${scalar}!] is_nil: Boolean ${[...ordered, ...textual].join(' ')} }`;
  });
}

const scalars = { Text: 'String', Number: 'Long', Truth: 'Boolean', Time: 'DateTime', Id: 'ID' };
const filterKinds = {
  text: 'Text',
  choice: 'Text',
  integer: 'Number',
  boolean: 'Truth',
  timestamp: 'Time',
  uuid: 'Id',
  json: 'Text',
  texts: 'Text',
};

function typesOf(resource: Resource): string[] {
  const name = typeName(resource.type);
  const attributes = Object.entries(resource.attributes);
  const fields = attributes.map(([attribute, it]) =>
    described(it.description, `${attribute}: ${scalarOf(it)}${it.nullable ? '' : '!'}`),
  );
  const related = Object.entries(resource.relationships).map(([relationship, it]) => {
    const many = it.kind === 'has-many' || it.kind === 'many-through';
    return many
      ? `${relationship}${listArguments(it.type)}: ${typeName(it.type)}Connection!`
      : `${relationship}: ${typeName(it.type)}`;
  });
  const filterable = attributes
    .filter(([, it]) => it.filterable)
    .map(([attribute, it]) => `${attribute}: ${filterKinds[it.kind]}Filter`);
  const through = Object.entries(resource.relationships).map(
    ([relationship, it]) => `${relationship}: ${typeName(it.type)}Filter`,
  );
  return [
    described(
      resource.description,
      block(`type ${name} implements Node`, ['id: ID!', ...fields, ...related]),
    ),
    `type ${name}Edge { cursor: String! node: ${name}! }`,
    `type ${name}Connection { edges: [${name}Edge!]! pageInfo: PageInfo! totalCount: Int! }`,
    block(`input ${name}Filter`, [
      'id: IdFilter',
      ...filterable,
      ...through,
      `and: [${name}Filter!]`,
      `or: [${name}Filter!]`,
      `not: ${name}Filter`,
    ]),
    `type ${name}Payload { result: ${name} meta: JSON errors: [MutationError!]! }`,
    ...(hasEvents(resource)
      ? [
          `type ${name}Change { cursor: String! name: String! recordId: ID! ${oneName(resource.type)}: ${name} }`,
        ]
      : []),
    ...mutationsOf(resource).flatMap((action) => inputOf(resource, action)),
  ];
}

function inputOf(resource: Resource, name: string): string[] {
  const members = inputMembers(resource, resource.actions[name]!);
  return members.length > 0 ? [block(`input ${inputName(resource, name)}`, members)] : [];
}

function inputMembers(resource: Resource, action: Action): string[] {
  const required = (name: string) => (action.require?.includes(name) ? '!' : '');
  return [
    ...(action.accept ?? []).map(
      (name) => `${name}: ${scalarOf(resource.attributes[name]!)}${required(name)}`,
    ),
    ...Object.entries(action.arguments ?? {}).map(
      ([name, it]) => `${name}: ${scalarOf(it)}${required(name)}`,
    ),
    ...(action.relate ?? []).map((name) => `${relateName(name)}: ID${required(name)}`),
  ];
}

function mutationOf(resource: Resource, name: string): string {
  const action = resource.actions[name]!;
  const onRecord = action.route ? action.route.on === 'record' : action.kind !== 'create';
  const members = inputMembers(resource, action);
  const input =
    members.length > 0
      ? [`input: ${inputName(resource, name)}${action.require?.length ? '!' : ''}`]
      : [];
  const parameters = [...(onRecord ? ['id: ID!'] : []), ...input];
  const call = parameters.length > 0 ? `(${parameters.join(', ')})` : '';
  return described(
    action.description,
    `${mutationName(resource, name)}${call}: ${typeName(action.answers ?? resource.type)}Payload!`,
  );
}

function scalarOf(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'integer':
      return 'Long';
    case 'boolean':
      return 'Boolean';
    case 'timestamp':
      return 'DateTime';
    case 'uuid':
      return 'ID';
    case 'json':
      return 'JSON';
    case 'texts':
      return '[String!]';
    default:
      return 'String';
  }
}

const listArguments = (type: string): string =>
  `(filter: ${typeName(type)}Filter, sort: [String!], first: Int, after: String, last: Int, before: String)`;
const block = (head: string, lines: readonly string[]): string =>
  `${head} {\n${lines.map((line) => `  ${line}`).join('\n')}\n}`;
const described = (description: string, line: string): string =>
  `${JSON.stringify(description)}\n${line}`;
