import { commitTexts } from '../../messages/commits.ts';
import type { Commit } from '../../services/commits.ts';

/** The first line of what a commit says. */
export function subjectOf({ message }: Pick<Commit, 'message'>): string {
  return message.split('\n', 1)[0]?.trim() || commitTexts.untitled;
}

/** What it says after that. */
export function bodyOf({ message }: Pick<Commit, 'message'>): string {
  const end = message.indexOf('\n');
  return end === -1 ? '' : message.slice(end).trim();
}

/** As git itself shortens an id. */
export const shortId = (id: string): string => id.slice(0, 7);
