import { expect } from 'vitest';

/** What JSON:API 1.1 says of any document, each rule by itself, over documents as they were received. */
export type Json = Record<string, unknown>;

const list = (value: unknown): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const primaryOf = (document: Json): Json[] => list(document.data) as Json[];
/** Primary and included resource objects; identifiers are not among them. */
export const resourcesOf = (document: Json): Json[] =>
  [...primaryOf(document), ...(list(document.included) as Json[])].filter(
    (it) => 'attributes' in it || 'links' in it,
  );
export const relationshipsOf = (document: Json): [string, Json][] =>
  resourcesOf(document).flatMap((it) =>
    Object.entries((it.relationships ?? {}) as Record<string, Json>),
  );
export const identifiersOf = (document: Json): Json[] =>
  relationshipsOf(document).flatMap(([, { data }]) => list(data) as Json[]);
export const keyOf = (it: Json) => `${it.type} ${it.id}`;

/** Every object in the document, with the name it has in its parent. */
function walk(value: unknown, visit: (object: Json, name: string) => void, name = ''): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit, name);
  if (!isObject(value)) return;
  visit(value, name);
  for (const [key, part] of Object.entries(value)) walk(part, visit, key);
}

/** The members that the specification defines, by the kind of object. */
const known = {
  document: ['data', 'errors', 'meta', 'jsonapi', 'links', 'included'],
  resource: ['type', 'id', 'lid', 'attributes', 'relationships', 'links', 'meta'],
  relationship: ['links', 'data', 'meta'],
  identifier: ['type', 'id', 'lid', 'meta'],
  error: ['id', 'links', 'status', 'code', 'title', 'detail', 'source', 'meta'],
};
const onlyKnown = (object: Json, kind: keyof typeof known) =>
  expect(known[kind]).toEqual(expect.arrayContaining(Object.keys(object)));

export const rules = {
  onlyDefinedMembers(document: Json) {
    onlyKnown(document, 'document');
    for (const it of resourcesOf(document)) onlyKnown(it, 'resource');
    for (const [, it] of relationshipsOf(document)) onlyKnown(it, 'relationship');
    for (const it of identifiersOf(document)) onlyKnown(it, 'identifier');
    for (const it of list(document.errors)) onlyKnown(it as Json, 'error');
  },
  isObject: (document: unknown) => expect(isObject(document)).toBe(true),
  hasTopLevel: (document: Json) =>
    expect('data' in document || 'errors' in document || 'meta' in document).toBe(true),
  dataOrErrors: (document: Json) => expect('data' in document && 'errors' in document).toBe(false),
  includedOnlyWithData: (document: Json) =>
    expect(!('included' in document) || 'data' in document).toBe(true),
  primaryIsOneOrMany: (document: Json) => {
    if (!('data' in document) || document.data === null) return;
    for (const it of list(document.data)) expect(isObject(it)).toBe(true);
  },
  resourcesHaveTypeAndId: (document: Json) => {
    for (const it of [...resourcesOf(document), ...identifiersOf(document)])
      expect([typeof it.type, typeof it.id]).toEqual(['string', 'string']);
  },
  typesAreMemberNames: (document: Json) => {
    for (const it of resourcesOf(document)) expect(String(it.type)).toMatch(memberName);
  },
  fieldsShareANamespace: (document: Json) => {
    for (const it of resourcesOf(document)) {
      const attributes = Object.keys((it.attributes ?? {}) as Json);
      const names = [...attributes, ...Object.keys((it.relationships ?? {}) as Json)];
      expect(new Set(names).size).toBe(names.length);
      expect(names).not.toEqual(expect.arrayContaining(['id']));
      expect(names).not.toEqual(expect.arrayContaining(['type']));
    }
  },
  attributesAreAnObject: (document: Json) => {
    for (const it of resourcesOf(document))
      if ('attributes' in it) expect(isObject(it.attributes)).toBe(true);
  },
  attributesReserveNames: (document: Json) => {
    for (const it of resourcesOf(document)) {
      // What a person stores in a JSON attribute, or what happened to a record, is theirs.
      for (const name of Object.keys((it.attributes ?? {}) as Json))
        expect(['relationships', 'links']).not.toContain(name);
    }
  },
  relationshipsAreAnObject: (document: Json) => {
    for (const it of resourcesOf(document))
      if ('relationships' in it) expect(isObject(it.relationships)).toBe(true);
  },
  relationshipsSaySomething: (document: Json) => {
    for (const [, it] of relationshipsOf(document)) {
      expect('links' in it || 'data' in it || 'meta' in it).toBe(true);
      if ('links' in it)
        expect('self' in (it.links as Json) || 'related' in (it.links as Json)).toBe(true);
    }
  },
  linkageHasItsForm: (document: Json) => {
    for (const [, it] of relationshipsOf(document)) {
      if (!('data' in it) || it.data === null) continue;
      for (const one of list(it.data)) onlyKnown(one as Json, 'identifier');
    }
  },
  includedIsAList: (document: Json) => {
    if ('included' in document) expect(Array.isArray(document.included)).toBe(true);
  },
  fullLinkage: (document: Json) => {
    const linked = new Set([...primaryOf(document), ...identifiersOf(document)].map(keyOf));
    for (const it of list(document.included)) expect(linked).toContain(keyOf(it as Json));
  },
  noDuplicates: (document: Json) => {
    const keys = resourcesOf(document).map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  },
  metaIsAnObject: (document: Json) =>
    walk(document, (object, name) => {
      if (name !== 'attributes' && 'meta' in object) expect(isObject(object.meta)).toBe(true);
    }),
  linksAreAnObject: (document: Json) => {
    for (const it of [
      document,
      ...resourcesOf(document),
      ...relationshipsOf(document).map(([, r]) => r),
    ])
      if ('links' in it) expect(isObject(it.links)).toBe(true);
  },
  linksHaveTheirForm: (document: Json) => {
    for (const it of [
      document,
      ...resourcesOf(document),
      ...relationshipsOf(document).map(([, r]) => r),
    ]) {
      for (const link of Object.values((it.links ?? {}) as Json))
        expect(
          link === null ||
            typeof link === 'string' ||
            (isObject(link) && typeof link.href === 'string'),
        ).toBe(true);
    }
  },
  jsonapiIsAnObject: (document: Json) => expect(isObject(document.jsonapi)).toBe(true),
  memberNamesAreAllowed: (document: Json) => {
    for (const it of resourcesOf(document)) {
      const fields = { ...(it.attributes as Json), ...(it.relationships as Json) };
      for (const name of Object.keys(fields)) expect(name).toMatch(memberName);
    }
  },
  errorsAreAList: (document: Json) => {
    if ('errors' in document) expect(Array.isArray(document.errors)).toBe(true);
  },
};

/** Begins and ends with a globally allowed character; hyphen and underscore in between. */
const memberName = /^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$/;
