/** What a merge cannot decide by itself, and how a person decides it. Pure. */
import type { TreeChange } from './push-git.ts';
import type { Merged } from './push-merge.ts';

/** `ours` is what `main` holds, `theirs` what the branch does, `both` the two, as a push leaves them. */
export const choices = ['ours', 'theirs', 'both'] as const;
export type Choice = (typeof choices)[number];
/** What stands of each file, by its path. */
export type Resolution = ReadonlyMap<string, Choice>;

/** A file that both sides changed: the blob that each holds, null where it deleted the file. */
export type Conflict = { path: string; mode: string; ours: string | null; theirs: string | null };

/** Nothing was merged: these files need a person. */
export class MergeConflict extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('Both sides changed the same.');
    this.conflicts = conflicts;
  }
}

/** The files that both changed, each otherwise, but those whose texts merge cleanly. */
export function findConflicts(
  ours: ReadonlyMap<string, TreeChange>,
  theirs: ReadonlyMap<string, TreeChange>,
  clean: ReadonlySet<string>,
): Conflict[] {
  return [...theirs.values()].flatMap(({ path, mode, to }) => {
    const mine = ours.get(path);
    if (!mine || mine.to === to || clean.has(path)) return [];
    return [{ path, mode, ours: mine.to, theirs: to }];
  });
}

/** The steps of a merge into `ours` with each conflict resolved; `both` leaves them as a push takes them. */
export function resolve(
  steps: readonly Merged[],
  conflicts: readonly Conflict[],
  resolution: Resolution,
): Merged[] {
  const decided = conflicts.filter(({ path }) => resolution.get(path) !== 'both');
  const paths = new Set(decided.map(({ path }) => path));
  const taken = decided.filter(({ path }) => resolution.get(path) === 'theirs');
  return [
    ...steps.filter(({ path }) => !paths.has(path)),
    ...taken.map(({ path, mode, theirs: to }) => ({ kind: 'take' as const, path, mode, to })),
  ];
}
