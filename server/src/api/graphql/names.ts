import type { Resource } from '@kyozo/resource';

const camel = (words: string) =>
  words.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** `file-versions` → `fileVersions` */
export const listName = (type: string): string => camel(type);
/** `file-versions` → `fileVersion`. Every type's plural is made with an s. */
export const oneName = (type: string): string => camel(type).replace(/s$/, '');
/** `file-versions` → `FileVersion` */
export const typeName = (type: string): string => capital(oneName(type));

/** `files.create` → `createFile`; actions on the collection of users need no noun: `signIn`. */
export function mutationName(resource: Resource, action: string): string {
  const verb = camel(action === 'destroy' ? 'delete' : action);
  const bare = resource.actions[action]?.route?.on === 'collection';
  return bare ? verb : verb + typeName(resource.type);
}

export const inputName = (resource: Resource, action: string): string =>
  `${capital(mutationName(resource, action))}Input`;

/** A belongs-to relationship in an input: `workspace` → `workspaceId`. */
export const relateName = (relationship: string): string => `${relationship}Id`;
