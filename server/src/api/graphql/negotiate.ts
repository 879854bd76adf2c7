/** What we answer in. The first is what Accept means when it leaves the choice to us. */
const forms = [
  'application/json',
  'application/graphql-response+json',
  'text/event-stream',
  'text/html',
] as const;
export type Form = (typeof forms)[number];

/**
 * The form that an Accept header likes best: the highest quality, then the first named. Streams and
 * pages are only for those who name them. undefined when it leaves none (GraphQL over HTTP, "Accept").
 */
export function formFor(accept: string | undefined, allowed: readonly Form[]): Form | undefined {
  if (accept === undefined || accept.trim() === '') return forms[0];
  const wishes = accept.split(',').flatMap((text, order) => {
    const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
    const form = name === '*/*' || name === 'application/*' ? forms[0] : (name as Form);
    const charset = parameterOf(parameters, 'charset');
    const quality = Number(parameterOf(parameters, 'q') ?? 1);
    const fits = allowed.includes(form) && (charset === undefined || charset === 'utf-8');
    return fits && quality > 0 ? [{ form, quality, order }] : [];
  });
  wishes.sort((a, b) => b.quality - a.quality || a.order - b.order);
  return wishes[0]?.form;
}

/** Whether a body's type is JSON in UTF-8, the only one there is. */
export function isJson(contentType: string | undefined): boolean {
  const [name, ...parameters] = (contentType ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  return name === 'application/json' && (parameterOf(parameters, 'charset') ?? 'utf-8') === 'utf-8';
}

function parameterOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((part) => part.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replace(/^"(.*)"$/, '$1');
}
