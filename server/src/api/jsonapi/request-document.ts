import {
  type Action,
  KyozoError,
  malformed,
  type RawInput,
  type Resource,
  type Values,
} from '@kyozo/resource';

export type Identifier = { type: string; id: string };
/** What a request's operations have made so far: ids by `type lid`. */
export type Lids = ReadonlyMap<string, string>;

/** Whether an action takes a resource object of the record itself, not just arguments. */
const isPlain = (action: Action) =>
  action.kind === 'create' || (action.kind === 'update' && !action.route);

/**
 * The input in a request document, as the kernel takes it. Members that JSON:API does not know are
 * passed over, as it says; attributes and relationships that the resource does not have are refused
 * by the kernel. @throws KyozoError with a pointer
 */
export function inputIn(
  resource: Resource,
  action: Action,
  body: unknown,
  id: string | undefined,
): RawInput {
  if (body === undefined || body === null) {
    if (isPlain(action)) throw malformed('The request needs a document.', { pointer: '' });
    return {};
  }
  return inputOf(resource, action, dataIn(body), id);
}

/** The `data` of a request document. */
export function dataIn(body: unknown): unknown {
  if (!isObject(body)) throw malformed('The document must be an object.', { pointer: '' });
  if (!('data' in body)) throw malformed('The document has no data.', { pointer: '' });
  if ('errors' in body) throw malformed('data and errors exclude each other.', { pointer: '' });
  return body.data;
}

/** The input that a resource object holds. */
export function inputOf(
  resource: Resource,
  action: Action,
  data: unknown,
  id: string | undefined,
  lids?: Lids,
): RawInput {
  if (!isObject(data)) throw malformed('data must be a resource object.', { pointer: '/data' });
  checkIdentity(resource, action, data, id);
  const member = (name: 'attributes' | 'relationships') => {
    const value = data[name];
    if (value !== undefined && !isObject(value))
      throw malformed(`${name} must be an object.`, { pointer: `/data/${name}` });
    return value && withoutAtMembers(value);
  };
  const relationships = member('relationships');
  return {
    attributes: member('attributes'),
    relationships: relationships && linkageOf(resource, relationships, lids),
  };
}

/** One resource identifier; a `lid` stands for what an earlier operation has made. */
export function identifierIn(value: unknown, pointer: string, lids?: Lids): Identifier {
  const wrong = () =>
    malformed('A resource identifier has a type and an id, both texts.', { pointer });
  if (!isObject(value) || typeof value.type !== 'string') throw wrong();
  if (typeof value.id === 'string') return { type: value.type, id: value.id };
  if (typeof value.lid !== 'string' || !lids) throw wrong();
  const id = lids.get(lidKey(value.type, value.lid));
  if (!id) {
    throw malformed(`No earlier operation has made ${JSON.stringify(value.lid.slice(0, 80))}.`, {
      pointer: `${pointer}/lid`,
    });
  }
  return { type: value.type, id };
}

export const lidKey = (type: string, lid: string) => `${type} ${lid}`;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON:API 1.1: processors ignore members whose names begin with an at sign. */
const withoutAtMembers = (members: Values): Values =>
  Object.keys(members).some((name) => name.startsWith('@'))
    ? Object.fromEntries(Object.entries(members).filter(([name]) => !name.startsWith('@')))
    : members;

function checkIdentity(
  resource: Resource,
  action: Action,
  data: Record<string, unknown>,
  id: string | undefined,
): void {
  const conflict = (message: string, pointer: string) =>
    new KyozoError('conflict', message, { source: { pointer } });
  const types = [resource.type, action.answers, ...(isPlain(action) ? [] : [undefined])];
  if (data.type === undefined && isPlain(action))
    throw malformed('data needs a type.', { pointer: '/data' });
  if (data.type !== undefined && typeof data.type !== 'string')
    throw malformed('type must be a text.', { pointer: '/data/type' });
  if (!types.includes(data.type as string | undefined))
    throw conflict(`The type here is ${resource.type}.`, '/data/type');
  if (data.id !== undefined && typeof data.id !== 'string')
    throw malformed('id must be a text.', { pointer: '/data/id' });
  if (data.id !== undefined && id === undefined) {
    throw new KyozoError('forbidden', 'Ids are made by the server.', {
      source: { pointer: '/data/id' },
    });
  }
  if (id === undefined) return;
  if (isPlain(action) && data.id === undefined && data.lid === undefined)
    throw malformed('data needs an id.', { pointer: '/data' });
  if (typeof data.id === 'string' && data.id.toLowerCase() !== id)
    throw conflict('The id is not that of the URL.', '/data/id');
}

function linkageOf(
  resource: Resource,
  relationships: Values,
  lids?: Lids,
): RawInput['relationships'] {
  const linkage: Record<string, Identifier | null> = {};
  for (const [name, value] of Object.entries(relationships)) {
    const pointer = `/data/relationships/${name.slice(0, 80)}`;
    if (!isObject(value) || !('data' in value))
      throw malformed('A relationship needs data.', { pointer });
    // Only to-one relationships can be set; the kernel refuses one to many by its name.
    linkage[name] =
      value.data === null || isToMany(resource, name)
        ? null
        : identifierIn(value.data, `${pointer}/data`, lids);
  }
  return linkage;
}

const isToMany = (resource: Resource, name: string): boolean =>
  Object.hasOwn(resource.relationships, name) &&
  ['has-many', 'many-through'].includes(resource.relationships[name]!.kind);
