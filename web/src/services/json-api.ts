/** The one place that knows how a JSON:API document is laid out. */
export const mediaType = 'application/vnd.api+json';

type Identifier = { type: string; id: string };
type Resource = Identifier & {
  attributes?: Record<string, unknown>;
  relationships?: Record<string, { data?: Identifier | Identifier[] | null }>;
};
type WireDocument = {
  data?: Resource | Resource[] | null;
  included?: Resource[];
  meta?: Record<string, unknown>;
  links?: Record<string, string | { href: string } | null>;
};

/** A page of records, or one record, with what came beside it. */
export type Answer<Data> = { data: Data; meta: Record<string, unknown>; next: string | null };

/** What a write says about the record: attributes, and the ids of what it belongs to. */
export type Draft = {
  type: string;
  id?: string;
  attributes?: Record<string, unknown>;
  relationships?: Record<string, Identifier>;
};

/** Makes plain records of a document; related records that were included are put in their place. */
export function deserialise<Data>(document: WireDocument): Answer<Data> {
  const included = new Map(
    (document.included ?? []).map((resource) => [`${resource.type}/${resource.id}`, resource]),
  );
  const data = Array.isArray(document.data)
    ? document.data.map((resource) => toRecord(resource, included))
    : document.data && toRecord(document.data, included);
  const next = document.links?.next;
  return {
    data: data as Data,
    meta: document.meta ?? {},
    next: (typeof next === 'object' ? next?.href : next) ?? null,
  };
}

/** The body of a write. */
export function serialise({ type, id, attributes = {}, relationships = {} }: Draft): string {
  const linked = Object.entries(relationships).map(([name, data]) => [name, { data }]);
  return JSON.stringify({
    data: {
      type,
      ...(id && { id }),
      attributes,
      ...(linked.length > 0 && { relationships: Object.fromEntries(linked) }),
    },
  });
}

function toRecord(
  resource: Resource,
  included: ReadonlyMap<string, Resource>,
): Record<string, unknown> {
  const record: Record<string, unknown> = { ...resource.attributes, id: resource.id };
  for (const [name, { data }] of Object.entries(resource.relationships ?? {})) {
    if (data) record[name] = Array.isArray(data) ? data.map(related) : related(data);
  }
  return record;

  function related({ type, id }: Identifier): Record<string, unknown> {
    const found = included.get(`${type}/${id}`);
    const links = Object.entries(found?.relationships ?? {}).flatMap(([name, { data }]) =>
      data && !Array.isArray(data) ? [[name, { id: data.id }]] : [],
    );
    return { ...found?.attributes, ...Object.fromEntries(links), id };
  }
}
