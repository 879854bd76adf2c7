/** Three-way merging of a commit with what has happened in `main` since. Pure. */
import { isUtf8 } from 'node:buffer';
import { diff3Merge } from 'node-diff3';
import type { MovedChange } from './follow-renames.ts';

type Step = {
  /** Where the file is to be. */
  path: string;
  /** Where `main` has it now; undefined for a new file. */
  was: string | undefined;
  /** Where the pushed commit has it. */
  pushed: string;
  mode: string;
};
export type Merged = Step &
  (
    | /** The pushed side wins: its blob, or null for a deletion. */
    { kind: 'take'; to: string | null }
    /** The content that `main` has wins, at another path or in another mode. */
    | { kind: 'keep'; to: string }
    /** A text that a person has written wins. */
    | { kind: 'text'; text: string }
    /** Both sides changed it. */
    | { kind: 'both'; base: string | null; ours: string; theirs: string }
  );

/** A file that the pushed side changed, beside the change that `main` made to the same file. */
export type Pair = Step & {
  base: string | null;
  /** The blob of each side, null where it deleted the file. */
  ours: string | null;
  theirs: string | null;
  isOursChanged: boolean;
  isTheirsChanged: boolean;
};

const NOTHING = /^0+$/;

/** Names a file for both sides: by its path in the base, where no path begins with a slash. */
const keyOf = ({ was, path }: MovedChange): string => was ?? `/${path}`;

/** Finds for each change of the pushed side what `main` did to the same file, wherever each has moved it. */
export function pairChanges(ours: readonly MovedChange[], theirs: readonly MovedChange[]): Pair[] {
  const byBase = new Map(ours.map((change) => [keyOf(change), change]));
  return theirs.map((change) => {
    const mine = byBase.get(keyOf(change));
    const base = NOTHING.test(change.from) ? null : change.from;
    const hasMoved = change.path !== change.was;
    const now = mine ? (mine.to === null ? undefined : mine.path) : change.was;
    const keepsMode = change.mode === change.oldMode || change.to === null;
    return {
      path: hasMoved && change.to !== null ? change.path : (now ?? change.path),
      was: now,
      pushed: change.path,
      mode: keepsMode && mine && mine.to !== null ? mine.mode : change.mode,
      base,
      ours: mine ? mine.to : base,
      theirs: change.to,
      isOursChanged: mine !== undefined,
      isTheirsChanged: change.to !== base,
    };
  });
}

/**
 * The steps that a merge makes in `main`. A deletion loses against a change or a move, so that nothing is
 * lost.
 */
export function mergePairs(pairs: readonly Pair[]): Merged[] {
  return pairs.flatMap((pair): Merged[] => {
    const { path, was, pushed, mode, base, ours, theirs, isOursChanged, isTheirsChanged } = pair;
    const step = { path, was, pushed, mode };
    if (theirs === null) return isOursChanged ? [] : [{ kind: 'take', ...step, to: null }];
    if (was === undefined || ours === null || ours === base)
      return [{ kind: 'take', ...step, to: theirs }];
    if (!isTheirsChanged || ours === theirs) return [{ kind: 'keep', ...step, to: ours }];
    return [{ kind: 'both', ...step, base, ours, theirs }];
  });
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
