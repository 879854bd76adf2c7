import { type ErrorCode, faultsOf, KyozoError } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The one map from our codes to HTTP. */
export const statusOf: Record<ErrorCode, number> = {
  malformed: 400,
  unauthenticated: 401,
  second_factor_required: 401,
  forbidden: 403,
  not_a_member: 403,
  proof_required: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  too_many: 429,
  unknown: 500,
  unavailable: 503,
  storage_full: 507,
};

const titles: Record<ErrorCode, string> = {
  malformed: 'Malformed request',
  unauthenticated: 'Not signed in',
  second_factor_required: 'Second factor needed',
  forbidden: 'Not allowed',
  not_a_member: 'Not a member',
  proof_required: 'Fresh proof needed',
  not_found: 'Not found',
  method_not_allowed: 'Method not allowed',
  not_acceptable: 'Not acceptable',
  conflict: 'Conflict',
  precondition_failed: 'Changed since',
  too_large: 'Too large',
  unsupported_media_type: 'Unsupported media type',
  invalid: 'Invalid value',
  too_many: 'Too many requests',
  unknown: 'Internal error',
  unavailable: 'Not available',
  storage_full: 'Storage is full',
};

/** Every fault behind something that was thrown; what is not ours or Fastify's is `unknown`. */
export function faultsBehind(error: unknown): readonly KyozoError[] {
  const faults = faultsOf(error);
  if (faults) return faults;
  // Only what a request nests is ever deep enough.
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack')) {
    return [new KyozoError('malformed', 'The request is nested too deeply.', { cause: error })];
  }
  const fastify = error as { statusCode?: number; code?: string; message?: string };
  const code = (Object.keys(statusOf) as ErrorCode[]).find(
    (name) => statusOf[name] === fastify.statusCode,
  );
  if (code && code !== 'unknown' && fastify.code?.startsWith('FST_')) {
    return [new KyozoError(code, fastify.message ?? titles[code], { cause: error })];
  }
  if (code === 'too_many')
    return [new KyozoError(code, 'Too many requests; try again later.', { cause: error })];
  return [
    new KyozoError('unknown', 'Something went wrong on our side; nothing was changed.', {
      cause: error,
    }),
  ];
}

/** The status for several faults: theirs when they agree, else the most general one of their class. */
export function statusFor(faults: readonly KyozoError[]): number {
  const statuses = [...new Set(faults.map((fault) => statusOf[fault.code]))];
  return statuses.length === 1
    ? statuses[0]!
    : statuses.some((status) => status >= 500)
      ? 500
      : 400;
}

/**
 * Sets the status and headers of a reply that refuses, the same in every protocol; answers what to say.
 * The cause of an unknown fault goes to the log only.
 */
export function refuse(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): readonly KyozoError[] {
  const faults = faultsBehind(error);
  const status = statusFor(faults);
  if (status === 500) request.log.error({ err: error }, 'request failed');
  const retryAfter = faults[0]?.meta?.retryAfter;
  if ((status === 429 || status === 503) && retryAfter)
    void reply.header('retry-after', String(retryAfter));
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="Kyozo"');
  void reply.code(status);
  return faults;
}

/** An error object of JSON:API. */
export const errorObject = (fault: KyozoError) => ({
  status: String(statusOf[fault.code]),
  code: fault.code,
  title: titles[fault.code],
  detail: fault.message,
  ...(fault.type ? { links: { type: fault.type } } : {}),
  ...(fault.source ? { source: fault.source } : {}),
  ...(fault.meta ? { meta: fault.meta } : {}),
});
