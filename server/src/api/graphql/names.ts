import type { Registry, Resource } from '@kyozo/resource';
import { actionsOf } from '../jsonapi/routes.ts';

const camel = (words: string) =>
  words.replace(/[-/]+([a-z])/g, (_, letter: string) => letter.toUpperCase());
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** `file-versions` → `fileVersions` */
export const listName = (type: string): string => camel(type);
/** `file-versions` → `fileVersion`, `branches` → `branch`. */
export const oneName = (type: string): string => camel(type).replace(/(?<=ch)es$|s$/, '');
/** `file-versions` → `FileVersion` */
export function typeName(type: string): string {
  let name = typeNames.get(type);
  if (!name) {
    name = capital(oneName(type));
    typeNames.set(type, name);
  }
  return name;
}
/** Asked for with every record that is shown; there are only so many types. */
const typeNames = new Map<string, string>();

/** The actions that GraphQL has: raw content goes over HTTP alone. */
export const mutationsOf = (resource: Resource): string[] =>
  actionsOf(resource).filter((name) => name !== 'write');

/**
 * `files.create` → `createFile`, `notifications.read-all` → `readAllNotifications`,
 * `sessions.revoke-others` → `revokeOtherSessions`. What a person does for themselves needs no noun:
 * `users.sign-in` → `signIn`.
 */
export function mutationName(resource: Resource, action: string): string {
  const verb = camel(action === 'destroy' ? 'delete' : action);
  if (resource.actions[action]?.route?.on !== 'collection') return verb + typeName(resource.type);
  if (resource.type === 'users') return verb;
  const many = /(All|Others)$/.exec(verb)?.[1];
  return many
    ? verb.replace(/s$/, '') + capital(listName(resource.type))
    : verb + typeName(resource.type);
}

export const inputName = (resource: Resource, action: string): string =>
  `${capital(mutationName(resource, action))}Input`;

/** `files` → `fileChanged` */
export const changedName = (type: string): string => `${oneName(type)}Changed`;

/** A belongs-to relationship in an input: `workspace` → `workspaceId`. */
export const relateName = (relationship: string): string => `${relationship}Id`;

/** Whether others hear of it when a record changes. */
export const hasEvents = (resource: Resource): boolean => Object.keys(resource.events).length > 0;

/** @throws Error that names two declarations which would share a name in GraphQL */
export function verifyNames(known: Registry): void {
  const owners = new Map<string, string>();
  const take = (name: string, owner: string) => {
    const other = owners.get(name);
    if (other) throw new Error(`GraphQL: ${other} and ${owner} are both called ${name}.`);
    owners.set(name, owner);
  };
  for (const name of ['me', 'node', 'nodes']) take(`query ${name}`, 'the API');
  for (const name of ['events', 'taskRunOutputs']) take(`subscription ${name}`, 'the API');
  for (const resource of known.values()) {
    take(`query ${listName(resource.type)}`, resource.type);
    take(`query ${oneName(resource.type)}`, resource.type);
    take(`type ${typeName(resource.type)}`, resource.type);
    if (hasEvents(resource)) take(`subscription ${changedName(resource.type)}`, resource.type);
    for (const action of mutationsOf(resource)) {
      take(`mutation ${mutationName(resource, action)}`, `${resource.type}.${action}`);
    }
  }
}
