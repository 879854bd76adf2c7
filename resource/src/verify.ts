import type { Action, Registry, Resource } from './define.ts';
import { type Check, fieldsOf } from './policy.ts';

const memberName = /^[a-z][a-zA-Z0-9]*$/;
const typeName = /^[a-z]+(-[a-z]+)*$/;

/**
 * Refuses declarations that make no sense, before the server starts.
 * @throws Error that lists every fault with the place where it lies
 */
export function verify(resources: readonly Resource[], known: Registry): void {
  const faults = resources.flatMap((resource) => faultsIn(resource, known));
  const types = resources.map((resource) => resource.type);
  const twice = types.filter((type, index) => types.indexOf(type) !== index);
  faults.push(...twice.map((type) => `${type}: declared twice`));
  if (faults.length > 0) throw new Error(`Declarations:\n  ${faults.join('\n  ')}`);
}

function faultsIn(resource: Resource, known: Registry): string[] {
  const at = (place: string, fault: string) => `${resource.type}.${place}: ${fault}`;
  const faults: string[] = [];
  if (!typeName.test(resource.type))
    faults.push(at('type', 'must be lower case words and hyphens'));
  if (resource.table !== resource.type.replaceAll('-', '_')) {
    faults.push(at('table', 'must be the type in snake_case'));
  }
  for (const name of Object.keys({ ...resource.attributes, ...resource.relationships })) {
    if (!memberName.test(name)) faults.push(at(name, 'is no member name in camelCase'));
    if (name === 'id' || name === 'type') faults.push(at(name, 'is a reserved name'));
    if (name in resource.attributes && name in resource.relationships) {
      faults.push(at(name, 'is an attribute and a relationship'));
    }
  }
  for (const [name, attribute] of Object.entries(resource.attributes)) {
    if (attribute.kind === 'choice' && !attribute.values?.length)
      faults.push(at(name, 'has no values'));
  }
  for (const [name, relationship] of Object.entries(resource.relationships)) {
    const target = known.get(relationship.type);
    if (!target) faults.push(at(name, `points to ${relationship.type}, which is not declared`));
    const holder = 'through' in relationship ? known.get(relationship.through) : target;
    if (relationship.kind !== 'belongs-to' && holder && !hasField(holder, relationship.field)) {
      faults.push(at(name, `${holder.type} has no field ${relationship.field}`));
    }
  }
  for (const field of [resource.tenant, resource.trash]) {
    if (field && !hasField(resource, field)) faults.push(at(field, 'is not a field'));
  }
  let container = resource;
  for (const name of resource.within ?? []) {
    const step = container.relationships[name];
    if (step?.kind !== 'belongs-to') {
      faults.push(at('within', `${container.type} belongs to no ${name}`));
      break;
    }
    container = known.get(step.type) ?? container;
  }
  if (!resource.policies.read) faults.push(at('policies.read', 'is missing'));
  for (const [name, action] of Object.entries(resource.actions)) {
    faults.push(
      ...actionFaults(resource, name, action).map((fault) => at(`actions.${name}`, fault)),
    );
  }
  for (const name of [...Object.keys(resource.policies), ...Object.keys(resource.events)]) {
    if (name !== 'read' && !resource.actions[name]) faults.push(at(name, 'is no action'));
  }
  return faults;
}

function actionFaults(resource: Resource, name: string, action: Action): string[] {
  const faults: string[] = [];
  for (const attribute of action.accept ?? []) {
    if (!resource.attributes[attribute]) faults.push(`accepts ${attribute}, which is no attribute`);
    else if (resource.attributes[attribute].sql)
      faults.push(`accepts ${attribute}, which is computed`);
  }
  for (const relationship of action.relate ?? []) {
    if (resource.relationships[relationship]?.kind !== 'belongs-to') {
      faults.push(`relates ${relationship}, which is no belongs-to relationship`);
    }
  }
  const inputs = [
    ...(action.accept ?? []),
    ...(action.relate ?? []),
    ...Object.keys(action.arguments ?? {}),
  ];
  for (const required of action.require ?? []) {
    if (!inputs.includes(required)) faults.push(`requires ${required}, which it does not accept`);
  }
  const policy = resource.policies[name];
  if (!policy) faults.push('has no policy');
  else if (looksThrough(policy)) faults.push('has a policy through a relationship; only read may');
  else {
    for (const field of fieldsOf(policy)) {
      if (!hasField(resource, field)) faults.push(`has a policy on ${field}, which is no field`);
    }
  }
  if (action.kind === 'verb' && !action.route) faults.push('is a verb without a route');
  return faults;
}

/** Whether a policy looks along a relationship, so that it cannot be asked of a record alone. */
export const looksThrough = (check: Check): boolean =>
  check.check === 'through' ||
  ('of' in check && (Array.isArray(check.of) ? check.of : [check.of as Check]).some(looksThrough));

/** Whether a name is a field of the resource: its id, an attribute, an internal one or a foreign key. */
export const hasField = (resource: Resource, field: string): boolean =>
  field === 'id' ||
  field === resource.tenant ||
  field in resource.attributes ||
  field in (resource.internal ?? {}) ||
  Object.values(resource.relationships).some(
    (relationship) => relationship.kind === 'belongs-to' && relationship.field === field,
  );
