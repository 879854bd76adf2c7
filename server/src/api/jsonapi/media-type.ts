import { KyozoError } from '@kyozo/resource';

export const mediaType = 'application/vnd.api+json';
export const cursorProfile = 'https://jsonapi.org/profiles/ethanresnick/cursor-pagination';

type Parsed = { type: string; parameters: Map<string, string> };

/** Refuses a request body's media type. JSON:API 1.1, "Client Responsibilities". @throws KyozoError 415 */
export function checkContentType(header: string | undefined): void {
  const parsed = parse(header ?? '');
  const fault = parsed.type !== mediaType ? `must be ${mediaType}` : parameterFault(parsed);
  if (fault) {
    throw new KyozoError('unsupported_media_type', `Content-Type ${fault}.`, {
      source: { header: 'Content-Type' },
    });
  }
}

/** Refuses an Accept header that leaves no form we can answer in. @throws KyozoError 406 */
export function checkAccept(header: string | undefined): void {
  if (header === undefined || header.trim() === '') return;
  const ranges = splitOutsideQuotes(header, ',').map(parse);
  const acceptable = ranges.some(
    (range) =>
      range.type === '*/*' ||
      range.type === 'application/*' ||
      (range.type === mediaType && parameterFault(range) === undefined),
  );
  if (!acceptable) {
    throw new KyozoError(
      'not_acceptable',
      `Accept must allow ${mediaType} without unknown parameters.`,
      {
        source: { header: 'Accept' },
      },
    );
  }
}

function parameterFault({ parameters }: Parsed): string | undefined {
  for (const [name, value] of parameters) {
    if (name === 'q' || name === 'profile') continue;
    if (name !== 'ext') return `must not have the parameter ${name}`;
    if (value.trim() !== '') return `names the extension ${value}, which is not supported`;
  }
  return undefined;
}

function parse(text: string): Parsed {
  const [type, ...rest] = splitOutsideQuotes(text, ';');
  const parameters = rest.map((part): [string, string] => {
    const at = part.indexOf('=');
    const value = at < 0 ? '' : part.slice(at + 1).trim();
    return [
      part
        .slice(0, at < 0 ? undefined : at)
        .trim()
        .toLowerCase(),
      value.replace(/^"(.*)"$/, '$1'),
    ];
  });
  return { type: (type ?? '').trim().toLowerCase(), parameters: new Map(parameters) };
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [''];
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (character === separator && !quoted) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}
