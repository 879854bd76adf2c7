import type { Schema, Values } from './values.ts';

type Parameter = { $ref?: string; name: string; in: string; schema: Schema; required?: boolean };
type Operation = {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
};
export type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter> };
};
export type Sent = { method: string; path: string; headers: Record<string, string>; body?: string };

/** Runs code, ends what the fuzzer stands on, or never ends by itself. */
const leftOut =
  /\/runs$|\/stream$|sign-out|delete-account|password|revoke-others|two-factor|\/auth\//;

/** A request at random for any operation of the OpenAPI document. */
export function jsonApiRequests(document: Document, values: Values): () => Sent {
  const operations = Object.entries(document.paths)
    .filter(([path]) => !leftOut.test(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
  return () => {
    const { path, method, operation } = values.pick(operations);
    const parameters = (operation.parameters ?? []).map((it) =>
      it.$ref ? document.components.parameters[it.$ref.split('/').at(-1)!]! : it,
    );
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    let url = path;
    for (const { name, in: place, schema, required } of parameters) {
      const value = String(values.of(schema));
      if (place === 'path')
        url = url.replace(`{${name}}`, encodeURIComponent(value.toWellFormed()));
      else if (place === 'query' && values.chance(0.15)) query.set(nameOf(name, values), value);
      else if (place === 'header' && values.chance(required ? 0.95 : 0.1))
        headers[name] = value.replace(/[^\x20-\x7e]/g, '?');
    }
    const [type, body] = bodyOf(operation, values);
    if (type) headers['content-type'] = type;
    const search = query.size > 0 ? `?${query}` : '';
    return { method: method.toUpperCase(), path: `/api/v1${url}${search}`, headers, body };
  };
}

/** Mostly the parameter itself; at times an operator on it, or what nobody has declared. */
function nameOf(name: string, values: Values): string {
  if (values.chance(0.8)) return name;
  const operator = values.pick(['gt', 'in', 'not_eq', 'is_nil', 'contains', 'starts_with', 'nope']);
  return values.pick([
    `${name}[${operator}]`,
    name.replace('filter[', 'filter[not]['),
    values.text(),
  ]);
}

function bodyOf({ requestBody }: Operation, values: Values): [string?, string?] {
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (!type || !content) return [];
  if (!type.includes('json')) return [type, values.text()];
  const text = JSON.stringify(values.of(content.schema));
  return [type, values.chance(0.02) ? text.slice(0, -1) : text];
}
