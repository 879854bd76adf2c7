/** Conditional requests: RFC 9110, section 13. */
import { KyozoError } from '@kyozo/resource';
import type { FastifyRequest } from 'fastify';

/** A representation that exists, as conditions compare it. */
export type Conditioned = {
  /** Whether an entity tag, given without its quotes, is one of the current ones. */
  isCurrent: (tag: string) => boolean;
  /** When it last changed, where that is known. */
  modified?: Date;
};

export type Verdict = {
  /** Whether the client has it already, so that the answer is 304. */
  isKnown: boolean;
  /** Whether the request is about this state alone, so that a change until it is done refuses it. */
  isPinned: boolean;
};

type Tag = { isWeak: boolean; value: string };

/**
 * Evaluates the conditions of a request in the order of section 13.2.2; of those that a range has, see
 * `sendContent`. @throws KyozoError `precondition_failed`
 */
export function evaluate(request: FastifyRequest, current: Conditioned): Verdict {
  const { headers } = request;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  let isPinned = false;
  if (headers['if-match'] !== undefined) {
    if (!isMatched(headers['if-match'], current, 'strong')) throw failed('If-Match');
    isPinned = headers['if-match'].trim() !== '*';
  } else if (current.modified && isDate(headers['if-unmodified-since'])) {
    if (!isUnchanged(current.modified, headers['if-unmodified-since']))
      throw failed('If-Unmodified-Since');
    isPinned = true;
  }
  if (headers['if-none-match'] !== undefined) {
    const isKnown = isMatched(headers['if-none-match'], current, 'weak');
    if (isKnown && !isRead) throw failed('If-None-Match');
    return { isKnown, isPinned };
  }
  const since = headers['if-modified-since'];
  const isKnown = isRead && current.modified !== undefined && isUnchanged(current.modified, since);
  return { isKnown, isPinned };
}

/** A strong comparison finds no weak tag, a weak one looks at the values alone. */
function isMatched(header: string, { isCurrent }: Conditioned, how: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  return tagsIn(header).some(
    ({ isWeak, value }) => (how === 'weak' || !isWeak) && isCurrent(value),
  );
}

/** The tags of a list. A comma may be part of one. */
const tagsIn = (header: string): Tag[] =>
  [...header.matchAll(/(W\/)?"([^"]*)"/g)].map(([, weak, value]) => ({
    isWeak: weak !== undefined,
    value: value!,
  }));

const isDate = (header: string | undefined): boolean => !Number.isNaN(Date.parse(header ?? ''));

/** Dates of HTTP know whole seconds only. */
const isUnchanged = (modified: Date, since: string | undefined): boolean =>
  Math.floor(modified.getTime() / 1_000) * 1_000 <= Date.parse(since ?? '');

const failed = (header: string) =>
  new KyozoError('precondition_failed', 'The record is not in the state that you ask for.', {
    source: { header },
  });
