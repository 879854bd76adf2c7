import { KyozoError } from './errors.ts';

export type AttributeKind =
  | 'text'
  | 'integer'
  | 'boolean'
  | 'timestamp'
  | 'uuid'
  | 'json'
  | 'choice'
  | 'texts';

/** One attribute of a resource. Its column is its name in snake_case. */
export type Attribute = {
  kind: AttributeKind;
  description: string;
  nullable: boolean;
  filterable: boolean;
  sortable: boolean;
  /** The allowed values of a choice. */
  values?: readonly string[];
  /** Longest text or JSON in characters, or largest integer. */
  max?: number;
  min?: number;
  format?: 'email' | 'slug' | 'media-type';
  /** A JSON Schema that tells what a JSON value looks like; who takes the value checks it. */
  schema?: Readonly<Record<string, unknown>>;
  /** SQL of a computed attribute over the row alias `t`; it is read-only. */
  sql?: string;
};

type Options = Partial<Omit<Attribute, 'kind' | 'description'>>;
const attribute =
  (kind: AttributeKind, defaults: Options = {}) =>
  (description: string, options: Options = {}): Attribute => ({
    kind,
    description,
    nullable: false,
    filterable: kind !== 'json' && kind !== 'texts',
    sortable: kind !== 'json' && kind !== 'texts',
    ...defaults,
    ...options,
  });

export const text = attribute('text', { max: 100_000 });
export const integer = attribute('integer', { max: Number.MAX_SAFE_INTEGER });
export const boolean = attribute('boolean');
export const timestamp = attribute('timestamp');
export const uuid = attribute('uuid');
export const json = attribute('json', { max: 100_000 });
export const texts = attribute('texts', { max: 1_000 });
export const choice = (values: readonly string[], description: string, options: Options = {}) =>
  attribute('choice', { values })(description, options);

/** The column that holds an attribute: its name in snake_case. */
export const columnOf = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && uuidPattern.test(value);

const timePattern = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-](\d\d):?\d\d)?)?$/;

/** Whether a text is a time that PostgreSQL takes too: a day that is, from year 1, within 15 hours of UTC. */
function isTime(value: string): boolean {
  const [match, year, month, day, , , , , offset] = timePattern.exec(value) ?? [];
  if (match === undefined || Number.isNaN(Date.parse(value))) return false;
  const days = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  return Number(year) > 0 && Number(day) <= days && Number(offset ?? 0) <= 15;
}

const emailPattern = /^[^\s@"(),:;<>[\\\]]+@[^\s@"(),:;<>[\\\]]+\.[^\s@"(),:;<>[\\\]]+$/;
const slugPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

const mediaTypePattern =
  /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}( ?; ?[\w-]{1,50}=([\w.+:-]{1,100}|"[ !#-[\]-~]{0,100}"))*$/;

/** Whether a text is a media type that a header can carry (RFC 9110, 8.3.1). */
export const isMediaType = (text: string): boolean =>
  text.length <= 200 && mediaTypePattern.test(text);

/**
 * Why a JSON value does not fit the attribute, as a sentence, or undefined when it fits.
 * PostgreSQL can store neither NUL nor a lone surrogate, so no text may hold one.
 */
export function faultOf(attribute: Attribute, value: unknown): string | undefined {
  if (value === null) return attribute.nullable ? undefined : 'must not be null';
  switch (attribute.kind) {
    case 'text':
      return textFault(attribute, value);
    case 'choice':
      return attribute.values!.includes(value as string)
        ? undefined
        : `must be one of ${attribute.values!.join(', ')}`;
    case 'integer':
      return integerFault(attribute, value);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'timestamp':
      return typeof value === 'string' && isTime(value) ? undefined : 'must be an ISO 8601 time';
    case 'uuid':
      return isUuid(value) ? undefined : 'must be a UUID';
    case 'texts':
      return Array.isArray(value) && value.length <= attribute.max!
        ? value.map((item) => textFault({ ...attribute, max: 1_000 }, item)).find(Boolean)
        : 'must be a list of texts';
    case 'json':
      return jsonFault(attribute, value);
  }
}

function textFault(attribute: Attribute, value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  if (!isStorable(value)) return 'must not contain a NUL character or half of a surrogate pair';
  if (value.length > attribute.max!) return `must be at most ${attribute.max} characters long`;
  if (value.trim().length < (attribute.min ?? 0)) return 'must not be empty';
  if (attribute.format === 'email' && !(value.length <= 254 && emailPattern.test(value))) {
    return 'must be an e-mail address';
  }
  if (attribute.format === 'media-type' && !isMediaType(value)) {
    return 'must be a media type, such as text/plain';
  }
  if (attribute.format === 'slug' && !slugPattern.test(value)) {
    return 'must be lower case letters, digits and single hyphens';
  }
  return undefined;
}

function integerFault(attribute: Attribute, value: unknown): string | undefined {
  if (!Number.isSafeInteger(value)) return 'must be a whole number';
  const number = value as number;
  if (number > attribute.max!) return `must be at most ${attribute.max}`;
  return number < (attribute.min ?? 0) ? `must be at least ${attribute.min ?? 0}` : undefined;
}

const isStorable = (value: string) => !value.includes('\0') && value.isWellFormed();

function jsonFault(attribute: Attribute, value: unknown): string | undefined {
  const text = JSON.stringify(value);
  if (text === undefined || typeof value !== 'object') return 'must be a JSON object';
  if (text.length > attribute.max!) return `must be at most ${attribute.max} characters of JSON`;
  // An escape in JSON's text: an odd number of backslashes before the u.
  return /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f])/i.test(text)
    ? 'must not contain a NUL character or half of a surrogate pair'
    : undefined;
}

/** Reads a value from a query string as the attribute's kind; throws `malformed` with the parameter. */
export function parseOperand(attribute: Attribute, raw: unknown, parameter: string): unknown {
  const fault = (sentence: string) =>
    new KyozoError('malformed', `The filter value ${sentence}.`, { source: { parameter } });
  let value: unknown = raw;
  if (typeof raw === 'string') {
    if (attribute.kind === 'integer') value = /^-?\d{1,16}$/.test(raw) ? Number(raw) : raw;
    if (attribute.kind === 'boolean') value = raw === 'true' ? true : raw === 'false' ? false : raw;
  }
  const sentence = faultOf(
    { ...attribute, nullable: false, format: undefined, min: Number.MIN_SAFE_INTEGER },
    value,
  );
  if (sentence) throw fault(sentence);
  return value;
}
