/** Three-way merging of a commit with what has happened in `main` since. Pure. */
import { isUtf8 } from 'node:buffer';
import { diff3Merge } from 'node-diff3';
import type { TreeChange } from './push-git.ts';

export type Merged =
  /** The pushed side stands: its blob, or null for a deletion. */
  | { kind: 'take'; path: string; mode: string; to: string | null }
  /** A text that a person has written stands. */
  | { kind: 'text'; path: string; mode: string; text: string }
  /** Both sides changed it. */
  | { kind: 'both'; path: string; mode: string; base: string | null; ours: string; theirs: string };

const NOTHING = /^0+$/;

/**
 * What a merge changes in `ours`, given what each side changed since their common base. Who deleted
 * loses against who changed: nothing is lost.
 */
export function mergeChanges(
  ours: ReadonlyMap<string, TreeChange>,
  theirs: ReadonlyMap<string, TreeChange>,
): Merged[] {
  const merged: Merged[] = [];
  for (const { path, mode, from, to } of theirs.values()) {
    const mine = ours.get(path);
    if (mine && mine.to === to) continue;
    if (!mine || mine.to === null) merged.push({ kind: 'take', path, mode, to });
    else if (to !== null) {
      const base = NOTHING.test(from) ? null : from;
      merged.push({ kind: 'both', path, mode, base, ours: mine.to, theirs: to });
    }
  }
  return merged;
}

/** What the two sides are called in conflict markers. */
export type Sides = { ours: string; theirs: string };
/** Lines of a merged text: settled, or as each side has them where both changed the same. */
export type Part = { text: string } | { ours: string; theirs: string };

/** One text of three, line by line. Content that is no text cannot be merged: undefined. */
export function mergeText(base: Buffer, ours: Buffer, theirs: Buffer): Part[] | undefined {
  if (![base, ours, theirs].every(isText)) return undefined;
  const [o, a, b] = [base, ours, theirs].map(linesOf) as [string[], string[], string[]];
  return diff3Merge(a, o, b, { excludeFalseConflicts: true }).map(({ ok, conflict }) =>
    conflict
      ? { ours: conflict.a.join(''), theirs: conflict.b.join('') }
      : { text: (ok ?? []).join('') },
  );
}

/** Whether bytes are a text as the merge understands it. */
export const isText = (bytes: Buffer): boolean => isUtf8(bytes) && !bytes.includes(0);

/** Whether nothing is left to decide. */
export const isClean = (parts: readonly Part[]): boolean => parts.every((part) => 'text' in part);

/** The text with git's conflict markers around what both changed. */
export function markedText(parts: readonly Part[], sides: Sides): string {
  return parts
    .map((part) =>
      'text' in part
        ? part.text
        : `<<<<<<< ${sides.ours}\n${ended(part.ours)}=======\n${ended(part.theirs)}>>>>>>> ${sides.theirs}\n`,
    )
    .join('');
}

const linesOf = (bytes: Buffer): string[] =>
  bytes.toString('utf8').match(/[^\n]*\n|[^\n]+$/g) ?? [];
/** A marker stands on a line of its own, also behind a last line without an end. */
const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
