/** What a merge cannot decide by itself, and how a person decides it. Pure. */
import { escapePointer, invalid } from '@kyozo/resource';
import { isClean, type Merged, type Pair, type Part } from './push-merge.ts';

/** `ours` is what `main` holds, `theirs` what the branch does, `both` the two, as a push leaves them. */
export const choices = ['ours', 'theirs', 'both'] as const;
type Choice = (typeof choices)[number];
/** A text in place of both; `conflict` is the id of the one that it was written for. */
type Written = { text: string; conflict?: string };
/** What stands of each file, by its path. */
export type Resolution = ReadonlyMap<string, Choice | Written>;

/** Bytes of a text that a person wrote: as much as two texts have that git keeps. */
const MOST_TEXT = 2 * 2 ** 20;

/** A file that both sides changed. */
export type Conflict = {
  pair: Pair;
  path: string;
  /** The blob that each side holds, null where it deleted the file. */
  ours: string | null;
  theirs: string | null;
  /** The merged text with what is open, where both sides are texts. */
  parts: readonly Part[] | undefined;
};

/** Nothing was merged: these files need a person, those first that nothing is decided of. */
export class MergeConflict extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('Both sides changed the same.');
    this.conflicts = conflicts;
  }
}

/** Names a conflict: another one as soon as a side has changed. */
export const idOf = ({ ours, theirs }: Conflict): string =>
  `${ours ?? 'none'}..${theirs ?? 'none'}`;

/** Reads what a request decides. @throws KyozoError `invalid` for what decides nothing */
export function resolutionIn(given: unknown): Resolution {
  if (Array.isArray(given)) throw invalid('resolution must name files by their path.', { pointer });
  const entries = Object.entries((given ?? {}) as Record<string, unknown>);
  for (const [path, value] of entries) {
    const fault = choices.includes(value as Choice) ? undefined : writtenFault(value);
    if (fault) throw refused(path, fault);
  }
  return new Map(entries as [string, Choice | Written][]);
}

/** The files that both changed, each otherwise, but those whose texts (by path) merge cleanly. */
export function findConflicts(
  pairs: readonly Pair[],
  texts: ReadonlyMap<string, readonly Part[]>,
): Conflict[] {
  return pairs.flatMap((pair) => {
    const { path, base, ours, theirs, isOursChanged, isTheirsChanged } = pair;
    const parts = texts.get(path);
    const isSettled = ours === theirs || (ours !== null && theirs !== null && !isTheirsChanged);
    const isOneSided = !isOursChanged || (ours === base && theirs !== null);
    if (isOneSided || isSettled || (parts && isClean(parts))) return [];
    return [{ pair, path, ours, theirs, parts }];
  });
}

/**
 * The steps of a merge into `ours` with each conflict resolved; `both` leaves them as a push takes them.
 * @throws MergeConflict while one is open; KyozoError `invalid` for what is none
 */
export function resolve(
  steps: readonly Merged[],
  conflicts: readonly Conflict[],
  resolution: Resolution,
): Merged[] {
  check(conflicts, resolution);
  const open = conflicts.filter((conflict) => !isDecided(conflict, resolution));
  if (open.length > 0) throw new MergeConflict([...new Set([...open, ...conflicts])]);
  const decided = conflicts.filter(({ path }) => resolution.get(path) !== 'both');
  const isDecidedFile = ({ path, was }: Merged) =>
    pairs.get(path)?.some((pair) => pair.was === was) ?? false;
  const pairs = Map.groupBy(
    decided.map(({ pair }) => pair),
    ({ path }) => path,
  );
  return [
    ...steps.filter((step) => !isDecidedFile(step)),
    ...decided.flatMap((conflict) => stepOf(conflict, resolution.get(conflict.path)!)),
  ];
}

function stepOf({ pair, theirs }: Conflict, given: Choice | Written): Merged[] {
  if (given === 'ours') return [];
  const { path, was, pushed, mode } = pair;
  const step = { path, was, pushed, mode };
  if (typeof given === 'string') return [{ kind: 'take', ...step, to: theirs }];
  return [{ kind: 'text', ...step, text: given.text }];
}

function check(conflicts: readonly Conflict[], resolution: Resolution): void {
  const known = new Map(conflicts.map((conflict) => [conflict.path, conflict]));
  for (const [path, given] of resolution) {
    const conflict = known.get(path);
    if (!conflict) throw refused(path, 'is not in conflict, so nothing is to be decided of it');
    if (typeof given !== 'string' && !conflict.parts) {
      throw refused(path, `is not a text on both sides: say ${choices.join(', ')}`);
    }
  }
}

/** A text that was written for a conflict which has changed since decides nothing: it would undo the change. */
function isDecided(conflict: Conflict, resolution: Resolution): boolean {
  const given = resolution.get(conflict.path);
  if (given === undefined || typeof given === 'string') return given !== undefined;
  return given.conflict === undefined || given.conflict === idOf(conflict);
}

function writtenFault(value: unknown): string | undefined {
  const { text, conflict, ...others } = Object(value) as Record<string, unknown>;
  const isRead = typeof text === 'string' && ['string', 'undefined'].includes(typeof conflict);
  if (!isRead || Array.isArray(value) || Object.keys(others).length > 0) {
    return `must be one of ${choices.join(', ')}, or a text as {"text": "…", "conflict": "its id"}`;
  }
  return Buffer.byteLength(text) > MOST_TEXT
    ? `must have at most ${MOST_TEXT} bytes of text`
    : undefined;
}

const pointer = '/data/attributes/resolution';
const refused = (path: string, fault: string) =>
  invalid(`${path.slice(0, 200)} ${fault}.`, { pointer: `${pointer}/${escapePointer(path)}` });
