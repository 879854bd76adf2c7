import type { Action, Resource } from '@kyozo/resource';
import { actionsOf, placeOf } from '../jsonapi/routes.ts';
import { listParameters, pageParameters, viewParameters } from './parameters.ts';
import { inputSchema, isToMany } from './schemas.ts';
import {
  bodyOf,
  failuresOf,
  headerRef,
  idParameter,
  type Json,
  named,
  readFailures,
  schemaRef,
  writeFailures,
} from './shared.ts';

type Operation = {
  id: string;
  tag: string;
  summary: string;
  parameters: Json[];
  status: number;
  answer?: string;
};

/** Every JSON:API route of a resource. */
export function resourcePaths(resource: Resource): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const add = (path: string, method: string, operation: Json) => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  const base = `/${resource.type}`;
  const name = named(resource.type);
  const tag = resource.type;
  const words = tag.replaceAll('-', ' ').replace(/(?<=ch)es$|s$/, '');
  add(base, 'get', {
    ...reading({
      id: `list${name}s`,
      tag,
      summary: `List ${words}s`,
      parameters: listParameters(resource),
      status: 200,
      answer: `${name}List`,
    }),
  });
  add(
    `${base}/{id}`,
    'get',
    reading({
      id: `get${name}`,
      tag,
      summary: `Get a ${words}`,
      parameters: [idParameter, headerRef('IfNoneMatch'), ...viewParameters(resource)],
      status: 200,
      answer: `${name}Document`,
    }),
  );
  for (const [relationship, it] of Object.entries(resource.relationships)) {
    const target = named(it.type);
    const title = `${name}${relationship.charAt(0).toUpperCase()}${relationship.slice(1)}`;
    add(
      `${base}/{id}/${relationship}`,
      'get',
      reading({
        id: `get${title}`,
        tag,
        summary: `Get the ${relationship} of a ${words}`,
        parameters: [idParameter, ...(isToMany(it) ? pageParameters : [])],
        status: 200,
        answer: isToMany(it) ? `${target}List` : `${target}OrNone`,
      }),
    );
    add(`${base}/{id}/relationships/${relationship}`, 'get', {
      ...reading({
        id: `get${title}Linkage`,
        tag,
        summary: `Get the linkage of ${relationship}`,
        parameters: [idParameter, ...(isToMany(it) ? pageParameters : [])],
        status: 200,
        answer: isToMany(it) ? 'LinkageToMany' : 'LinkageToOne',
      }),
    });
  }
  for (const action of actionsOf(resource).filter((it) => it !== 'write')) {
    const { method, url } = placeOf(resource, action);
    add(url.replace(':id', '{id}'), method.toLowerCase(), actionOperation(resource, action));
  }
  return paths;
}

function actionOperation(resource: Resource, name: string): Json {
  const action = resource.actions[name]!;
  const isPublic = resource.policies[name]!.check === 'anyone';
  const onRecord = placeOf(resource, name).url.includes(':id');
  const input = inputSchema(resource, action);
  return {
    ...writing({
      id: camel(name) + named(resource.type),
      tag: resource.type,
      summary: action.description,
      parameters: [
        ...(onRecord ? [idParameter, headerRef('IfMatch')] : []),
        ...(isPublic ? [] : [headerRef('IdempotencyKey')]),
      ],
      status: statusOf(action),
      answer:
        statusOf(action) === 204 ? undefined : `${named(action.answers ?? resource.type)}Document`,
    }),
    ...(input
      ? { requestBody: { required: (action.require?.length ?? 0) > 0, ...bodyOf(input) } }
      : {}),
    ...(isPublic ? { security: [] } : {}),
  };
}

const statusOf = (action: Action): number =>
  action.status ?? (action.kind === 'create' ? 201 : action.kind === 'destroy' ? 204 : 200);

const camel = (name: string) =>
  name.replace(/[-/]([a-z])/g, (_, letter: string) => letter.toUpperCase());

const reading = (operation: Operation): Json => operationOf(operation, failuresOf(readFailures));
const writing = (operation: Operation): Json => operationOf(operation, failuresOf(writeFailures));

const operationOf = (operation: Operation, failures: Json): Json => ({
  operationId: operation.id,
  tags: [operation.tag],
  summary: operation.summary,
  parameters: [headerRef('Team'), ...operation.parameters],
  responses: {
    [operation.status]: {
      description: 'Done.',
      ...(operation.answer ? bodyOf(schemaRef(operation.answer)) : {}),
    },
    ...failures,
  },
});
