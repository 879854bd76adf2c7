/** Where in the request an error lies: one of a JSON pointer, a query parameter or a header. */
export type ErrorSource = { pointer?: string; parameter?: string; header?: string };

export type ErrorCode =
  | 'invalid'
  | 'malformed'
  | 'unauthenticated'
  | 'second_factor_required'
  | 'forbidden'
  | 'not_a_member'
  | 'proof_required'
  | 'not_found'
  | 'conflict'
  | 'precondition_failed'
  | 'not_acceptable'
  | 'unsupported_media_type'
  | 'too_large'
  | 'too_many'
  | 'storage_full'
  | 'unavailable'
  | 'method_not_allowed'
  | 'unknown';

/**
 * The one error of the product: a code that each edge translates, a sentence a person can read,
 * and where in the request it lies. The private cause rides along and is never serialised.
 */
export class KyozoError extends Error {
  readonly code: ErrorCode;
  readonly source: ErrorSource | undefined;
  readonly meta: Record<string, unknown> | undefined;
  /** The address that names this kind of error, where a standard has given it one. */
  readonly type: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      source?: ErrorSource;
      meta?: Record<string, unknown>;
      type?: string;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'KyozoError';
    this.code = code;
    this.source = options.source;
    this.meta = options.meta;
    this.type = options.type;
  }
}

/** Several faults of one request, reported together. */
export class KyozoErrors extends Error {
  readonly errors: readonly KyozoError[];

  constructor(errors: readonly KyozoError[]) {
    super(errors.map((error) => error.message).join(' '));
    this.name = 'KyozoErrors';
    this.errors = errors;
  }
}

/** Every fault in an error that was caught, or undefined when it is not one of ours. */
export function faultsOf(error: unknown): readonly KyozoError[] | undefined {
  if (error instanceof KyozoErrors) return error.errors;
  return error instanceof KyozoError ? [error] : undefined;
}

export const invalid = (message: string, source?: ErrorSource) =>
  new KyozoError('invalid', message, { source });
export const malformed = (message: string, source?: ErrorSource) =>
  new KyozoError('malformed', message, { source });
export const notFound = (message = 'There is no such record.') =>
  new KyozoError('not_found', message);
export const forbidden = (message = 'You may not do this.', source?: ErrorSource) =>
  new KyozoError('forbidden', message, { source });
