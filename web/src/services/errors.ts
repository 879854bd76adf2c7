import { messages } from '../messages.ts';

type WireError = {
  status?: string;
  code?: string;
  title?: string;
  detail?: string;
  source?: { pointer?: string };
  meta?: { retryAfter?: number };
};

/** The server answered that it will not do what was asked. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: readonly WireError[];

  constructor(status: number, errors: readonly WireError[]) {
    super(errors.map((error) => error.detail ?? error.title).join(' ') || `HTTP ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.errors = errors;
  }

  /** Whether this is among the reasons. */
  has(code: string): boolean {
    return this.errors.some((error) => error.code === code);
  }

  /** Whether a second factor is asked for, after a first one that was right. */
  get wantsSecondFactor(): boolean {
    return this.has('second_factor_required');
  }
}

/** The server did not answer at all. */
export class OfflineError extends Error {
  constructor(cause: unknown) {
    super('no answer', { cause });
    this.name = 'OfflineError';
  }
}

/** One sentence a person can act on. */
export function readableError(error: unknown): string {
  if (error instanceof OfflineError) return messages.errors.offline;
  if (!(error instanceof ApiError)) return messages.errors.unexpected;
  if (error.status === 401) return messages.errors.signedOut;
  if (error.has('proof_required')) return messages.errors.unproven;
  if (error.status === 403) return messages.errors.forbidden;
  if (error.status === 404) return messages.errors.missing;
  if (error.status === 429) return messages.errors.tooMany(error.errors[0]?.meta?.retryAfter);
  if (error.status >= 500) return messages.errors.server;
  return (
    error.errors.map((each) => each.detail ?? each.title ?? '').join(' ') || messages.errors.server
  );
}

/** Sentences by field name, read from the pointers; what belongs to no field is under `''`. */
export function fieldErrors(error: unknown): Record<string, string> {
  const isUnproven = error instanceof ApiError && error.has('proof_required');
  if (!(error instanceof ApiError) || isUnproven || !error.errors.some(isSaid))
    return { '': readableError(error) };
  const byField: Record<string, string> = {};
  for (const { source, detail, title } of error.errors) {
    const field = source?.pointer?.split('/').at(-1) ?? '';
    byField[field] ??= detail ?? title ?? messages.errors.server;
  }
  return byField;
}

/** What a server says word for word to a person: about a field, or why it did not do a thing. */
function isSaid({ status, source }: WireError): boolean {
  return source?.pointer !== undefined || (status !== '401' && status !== '429');
}
