/** Three-way merging of a commit with what has happened in `main` since. Pure. */
import { isUtf8 } from 'node:buffer';
import { diff3Merge } from 'node-diff3';
import type { TreeChange } from './push-git.ts';

export type Merged =
  /** The pushed side stands: its blob, or null for a deletion. */
  | { kind: 'take'; path: string; mode: string; to: string | null }
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
export type MergedText = { bytes: Buffer; isClean: boolean };

/**
 * One text of three, line by line; lines that both changed stay both, between git's conflict markers.
 * Content that is no text cannot be merged: undefined.
 */
export function mergeText(
  base: Buffer,
  ours: Buffer,
  theirs: Buffer,
  sides: Sides,
): MergedText | undefined {
  if (![base, ours, theirs].every((bytes) => isUtf8(bytes) && !bytes.includes(0))) return undefined;
  const [o, a, b] = [base, ours, theirs].map(linesOf) as [string[], string[], string[]];
  const out: string[] = [];
  let isClean = true;
  for (const region of diff3Merge(a, o, b, { excludeFalseConflicts: true })) {
    if (region.ok) out.push(...region.ok);
    else if (region.conflict) {
      isClean = false;
      out.push(`<<<<<<< ${sides.ours}\n`, ...whole(region.conflict.a), '=======\n');
      out.push(...whole(region.conflict.b), `>>>>>>> ${sides.theirs}\n`);
    }
  }
  return { bytes: Buffer.from(out.join(''), 'utf8'), isClean };
}

const linesOf = (bytes: Buffer): string[] =>
  bytes.toString('utf8').match(/[^\n]*\n|[^\n]+$/g) ?? [];
/** A marker stands on a line of its own, also behind a last line without an end. */
const whole = (lines: string[]): string[] =>
  lines.map((line) => (line.endsWith('\n') ? line : `${line}\n`));
