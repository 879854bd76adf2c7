import { type Actor, scopeAllows } from './actor.ts';
import { type Attribute, faultOf, isUuid } from './attribute.ts';
import { type Condition, equals, every, mentions } from './condition.ts';
import type { Action, Input, Resource, Values } from './define.ts';
import { forbidden, invalid, KyozoError, KyozoErrors } from './errors.ts';
import { ask, toCondition } from './policy.ts';

/** What an edge received for an action: members by name, and linkage as type and id. */
export type RawInput = {
  attributes?: Readonly<Record<string, unknown>>;
  relationships?: Readonly<Record<string, { type: string; id: string } | null>>;
};

/** One row to change and the event that records it, in one transaction. */
export type Change = {
  kind: 'insert' | 'update' | 'delete';
  resource: Resource;
  id: string;
  /** Attributes, internal attributes and foreign keys, by name. */
  values: Values;
  event: { name: string; version: number } | undefined;
};

/** The read condition: what the actor may see, without the trash unless the filter asks for it. */
export function readable(
  resource: Resource,
  actor: Actor | undefined,
  where?: Condition,
): Condition {
  requireScope(actor, resource.type);
  const trash = resource.trash;
  const hideTrash =
    trash && !(where && mentions(where, trash))
      ? ({ kind: 'compare', field: trash, operator: 'is_nil', value: true } as const)
      : undefined;
  return every(toCondition(resource.policies.read!, actor), hideTrash, where);
}

/** The read condition that finds records by their ids, in the trash or not. */
export function readableById(
  resource: Resource,
  actor: Actor | undefined,
  ids: readonly string[],
): Condition {
  requireScope(actor, resource.type);
  const found: Condition =
    ids.length === 1
      ? equals('id', ids[0])
      : { kind: 'compare', field: 'id', operator: 'in', value: ids };
  return every(toCondition(resource.policies.read!, actor), found);
}

/** Refuses to read records of a type, or to look through them in a filter, beyond a key's scopes. */
export function requireScope(actor: Actor | undefined, type: string): void {
  if (actor && !scopeAllows(actor, type, 'read')) throw forbidden(`This key may not read ${type}.`);
}

/** Refuses an action that the policy or the credential's scope does not allow. `record` is absent on a create. */
export function authorize(
  resource: Resource,
  name: string,
  actor: Actor | undefined,
  record?: Values,
): void {
  const policy = resource.policies[name]!;
  if (policy.check === 'anyone') return;
  if (!actor) throw new KyozoError('unauthenticated', 'Sign in first.');
  if (!scopeAllows(actor, resource.actions[name]?.scope ?? resource.type, 'write')) {
    throw forbidden(`This key may not change ${resource.type}.`);
  }
  if (!ask(policy, actor, record)) throw forbidden();
}

/** Checks an action's input against its declaration. @throws KyozoErrors, each with a pointer */
export function parseInput(resource: Resource, action: Action, raw: RawInput): Input {
  const input: Input = { values: {}, arguments: {} };
  const errors: KyozoError[] = [];
  for (const [name, value] of Object.entries(raw.attributes ?? {})) {
    const pointer = `/data/attributes/${escapePointer(name)}`;
    const attribute = attributeOf(resource, action, name);
    const fault = attribute ? faultOf(attribute, value) : unknownMember(resource, name);
    if (fault) errors.push(invalid(`${name.slice(0, 80)} ${fault}.`, { pointer }));
    else
      (Object.hasOwn(action.arguments ?? {}, name) ? input.arguments : input.values)[name] = value;
  }
  for (const [name, linkage] of Object.entries(raw.relationships ?? {})) {
    const pointer = `/data/relationships/${escapePointer(name)}`;
    const relationship = action.relate?.includes(name) ? resource.relationships[name] : undefined;
    const fault = relationship
      ? linkageFault(relationship, linkage)
      : unknownMember(resource, name);
    const fixed = !relationship && Object.hasOwn(resource.relationships, name);
    // JSON:API: an update of a relationship that the server does not support is forbidden.
    const refuse = fixed && action.kind === 'update' ? forbidden : invalid;
    if (fault) errors.push(refuse(`${name.slice(0, 80)} ${fault}.`, { pointer }));
    else if (relationship) input.values[relationship.field] = linkage?.id.toLowerCase() ?? null;
  }
  for (const name of action.require ?? []) {
    const relationship = action.relate?.includes(name) ? resource.relationships[name] : undefined;
    const given = relationship
      ? Object.hasOwn(raw.relationships ?? {}, name)
      : Object.hasOwn(raw.attributes ?? {}, name);
    if (!given) errors.push(invalid(`${name} is required.`, { pointer: '/data' }));
  }
  if (errors.length > 0) throw errors.length === 1 ? errors[0]! : new KyozoErrors(errors);
  return input;
}

/** The change that an action makes of checked input. Ids are made before, by the caller. */
export function changeOf(
  resource: Resource,
  name: string,
  id: string,
  input: Input,
  actor: Actor,
  now: string,
): Change {
  const action = resource.actions[name]!;
  const values = { ...input.values, ...action.change?.(input, actor, now) };
  if (action.kind === 'create' && resource.tenant && resource.tenant !== 'id') {
    values[resource.tenant] = actor.teamId;
  }
  const kind =
    action.kind === 'create'
      ? 'insert'
      : action.kind === 'destroy' && !resource.trash
        ? 'delete'
        : 'update';
  if (action.kind === 'destroy' && resource.trash) values[resource.trash] = now;
  return { kind, resource, id, values, event: resource.events[name] };
}

function attributeOf(resource: Resource, action: Action, name: string): Attribute | undefined {
  if (action.arguments && Object.hasOwn(action.arguments, name)) return action.arguments[name];
  return action.accept?.includes(name) ? resource.attributes[name] : undefined;
}

function unknownMember(resource: Resource, name: string): string {
  return Object.hasOwn(resource.attributes, name) || Object.hasOwn(resource.relationships, name)
    ? 'cannot be set here'
    : `is no member of ${resource.type}`;
}

function linkageFault(
  relationship: Resource['relationships'][string],
  linkage: { type: string; id: string } | null,
): string | undefined {
  if (linkage === null) {
    return relationship.kind === 'belongs-to' && relationship.nullable
      ? undefined
      : 'must not be null';
  }
  if (linkage.type !== relationship.type) return `must be of type ${relationship.type}`;
  return isUuid(linkage.id) ? undefined : 'must have a UUID as its id';
}

/** A member's name as a segment of a JSON pointer. */
export const escapePointer = (name: string): string =>
  name.slice(0, 200).replaceAll('~', '~0').replaceAll('/', '~1');
