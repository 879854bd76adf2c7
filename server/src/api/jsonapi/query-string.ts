import { malformed, type RawQuery } from '@kyozo/resource';

type Nested = { [name: string]: string | Nested };

const families = ['filter', 'sort', 'page', 'include', 'fields'];
const key = /^([a-zA-Z]+)((?:\[[^[\]]*\])*)$/;

/**
 * Reads JSON:API's query parameters into nested plain objects; brackets may be encoded or not.
 * @throws KyozoError `malformed` for a parameter that the specification reserves and we do not know
 */
export function parseQueryString(search: string): RawQuery {
  const raw: Nested = Object.create(null);
  for (const [name, value] of new URLSearchParams(search)) {
    const match = key.exec(name);
    const family = match?.[1];
    if (!family || !families.includes(family)) {
      // JSON:API leaves names with a character outside a-z to implementations; we define none here.
      throw malformed(`There is no query parameter ${JSON.stringify(name.slice(0, 80))}.`, {
        parameter: name.slice(0, 80),
      });
    }
    if (value.includes('\0'))
      throw malformed('A NUL character cannot be searched for.', { parameter: name });
    const path = [...match[2]!.matchAll(/\[([^[\]]*)\]/g)].map((part) => part[1]!);
    if (path.length > 12)
      throw malformed('The parameter is nested too deeply.', { parameter: name.slice(0, 80) });
    place(raw, [family, ...path], value, name);
  }
  return raw as RawQuery;
}

function place(root: Nested, path: readonly string[], value: string, parameter: string): void {
  let at = root;
  for (const name of path.slice(0, -1)) {
    at[name] ??= Object.create(null) as Nested;
    const next = at[name];
    if (typeof next === 'string')
      throw malformed('The parameter is given in two forms.', { parameter });
    at = next;
  }
  const last = path.at(-1)!;
  if (at[last] !== undefined) throw malformed('The parameter is given twice.', { parameter });
  at[last] = value;
}
