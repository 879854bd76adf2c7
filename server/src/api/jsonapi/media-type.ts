import { KyozoError } from '@kyozo/resource';

export const mediaType = 'application/vnd.api+json';
export const atomicExtension = 'https://jsonapi.org/ext/atomic';

type Parsed = { type: string; parameters: Map<string, string> };

/**
 * Refuses a request body's media type; `extension` is the one that the route speaks and then asks for.
 * JSON:API 1.1, "Content Negotiation". @throws KyozoError 415
 */
export function checkContentType(header: string | undefined, extension?: string): void {
  const parsed = parse(header ?? '');
  const fault =
    parsed.type !== mediaType
      ? `must be ${mediaType}`
      : (parameterFault(parsed, extension) ??
        (extension && !parsed.parameters.has('ext') ? `must name ext="${extension}"` : undefined));
  if (fault) {
    throw new KyozoError('unsupported_media_type', `Content-Type ${fault}.`, {
      source: { header: 'Content-Type' },
    });
  }
}

/** Refuses an Accept header that leaves no form we can answer in. @throws KyozoError 406 */
export function checkAccept(header: string | undefined, extension?: string): void {
  if (header === undefined || header.trim() === '') return;
  const acceptable = splitOutsideQuotes(header, ',')
    .map(parse)
    .some(
      (range) =>
        Number(range.parameters.get('q') ?? 1) !== 0 &&
        (range.type === '*/*' ||
          range.type === 'application/*' ||
          (range.type === mediaType && parameterFault(range, extension) === undefined)),
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

function parameterFault({ parameters }: Parsed, extension?: string): string | undefined {
  for (const [name, value] of parameters) {
    if (name === 'q' || name === 'profile') continue;
    if (name !== 'ext') return `must not have the parameter ${name}`;
    const unknown = value.split(' ').find((uri) => uri !== '' && uri !== extension);
    if (unknown) return `names the extension ${unknown}, which is not supported here`;
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
