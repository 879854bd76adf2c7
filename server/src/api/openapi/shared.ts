import { mediaType } from '../jsonapi/media-type.ts';

export type Json = { [name: string]: unknown };

export const schemaRef = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
export const bodyOf = (schema: Json, type = mediaType): Json => ({
  content: { [type]: { schema } },
});
/** `file-versions` → `FileVersion` */
export const named = (type: string): string =>
  type
    .replace(/(?<=ch)es$|s$/, '')
    .replace(/(^|-)([a-z])/g, (_, _dash: string, letter: string) => letter.toUpperCase());

/** What can go wrong, by status, with the sentence that documents it. */
const failures = {
  400: 'The request is malformed.',
  401: 'No credential, or one that is wrong or has ended.',
  403: 'The actor may not do this; `not_a_member`: the credential is good, but not in the team of Kyozo-Team.',
  404: 'There is no such record, or the actor may not see it.',
  406: 'No media type that Accept allows.',
  409: 'It clashes with what is there.',
  412: 'The record has changed since it was read.',
  413: 'The body is too large.',
  415: 'The body has another media type.',
  422: 'A value is not acceptable.',
  429: 'Too many requests; Retry-After says when to come back.',
  503: 'A part is not available just now; nothing was changed.',
} as const;
export type Failure = keyof typeof failures;

const nameOf = (status: number) => `Error${status}`;
/** `components.responses`: an error document for each status. */
export const answers: Json = Object.fromEntries(
  Object.entries(failures).map(([status, description]) => [
    nameOf(Number(status)),
    { description, ...bodyOf(schemaRef('Errors')) },
  ]),
);

const always: Failure[] = [401, 406, 429, 503];
export const readFailures: Failure[] = [...always, 400, 403, 404];
export const writeFailures: Failure[] = [...readFailures, 409, 412, 413, 415, 422];

export const failuresOf = (statuses: readonly Failure[]): Json =>
  Object.fromEntries(
    [...statuses]
      .sort((a, b) => a - b)
      .map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }]),
  );

const text = { type: 'string' };
const header = (name: string, description: string, schema: Json = text): Json => ({
  name,
  in: 'header',
  description,
  schema,
});

/** `components.parameters`: the headers that many operations take. */
export const headers: Json = {
  Team: header('Kyozo-Team', 'The team to act in.', { type: 'string', format: 'uuid' }),
  IfMatch: header('If-Match', 'Change it only if this is still its entity tag.'),
  IfNoneMatch: header('If-None-Match', 'Answer 304 if this is still its entity tag.'),
  IdempotencyKey: header(
    'Idempotency-Key',
    'A repeat within a day gets the first answer, and nothing is done twice.',
    { type: 'string', maxLength: 255 },
  ),
};
export const headerRef = (name: 'Team' | 'IfMatch' | 'IfNoneMatch' | 'IdempotencyKey'): Json => ({
  $ref: `#/components/parameters/${name}`,
});

export const idParameter: Json = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', format: 'uuid' },
};
export const queryParameter = (name: string, description: string, schema: Json): Json => ({
  name,
  in: 'query',
  description,
  schema,
});
