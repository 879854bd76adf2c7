/** Tells which files a commit moved, so that each keeps its record. Pure. */
import { EMPTY_BLOB, type TreeChange } from './push-git.ts';

/** The old path of each moved file, by its new path. */
export type Renames = ReadonlyMap<string, string>;

/** A change of one file; `was` is its path before, undefined for a new file. */
export type MovedChange = TreeChange & { was: string | undefined };

type Changes = ReadonlyMap<string, TreeChange>;

/**
 * The renames among changes: those of exactly the same content first, because git compares no path that is
 * there before and after (swaps and chains are such), then those that git found. A file that still is at
 * its path has not moved unless another file took the path: a copy leaves the record with the original.
 */
export function settleRenames(changes: Changes, similar: Renames): Map<string, string> {
  const found = keepPossible(exactMoves(changes), changes);
  const moved = new Set(found.values());
  for (const [path, was] of similar) {
    if (!changes.has(path) || !changes.has(was) || found.has(path) || moved.has(was)) continue;
    found.set(path, was);
    moved.add(was);
  }
  return keepPossible(found, changes);
}

/** The renames without those that `isBlocked`, and without those that depend on them. */
export function keepPossible(
  renames: Renames,
  changes: Changes,
  isBlocked: (path: string, was: string) => boolean = () => false,
): Map<string, string> {
  const kept = new Map(renames);
  const targets = new Map([...renames].map(([path, was]) => [was, path]));
  const isOriginalThere = (was: string) => changes.get(was)!.to !== null && !kept.has(was);
  const open = [...renames].flatMap(([path, was]) =>
    isBlocked(path, was) || isOriginalThere(was) ? [path] : [],
  );
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const was = kept.get(path);
    if (was === undefined) continue;
    kept.delete(path);
    // The file stays where it was, so no other can come there; and `path` is not left to it by another.
    open.push(was);
    const next = targets.get(path);
    if (next !== undefined) open.push(next);
  }
  return kept;
}

/** The changes of files instead of paths: a rename is one change, and a file that it displaces is deleted. */
export function followRenames(changes: Changes, renames: Renames): MovedChange[] {
  const moved = new Set(renames.values());
  return [...changes.values()].flatMap((change): MovedChange[] => {
    const { path } = change;
    const source = renames.get(path);
    if (source === undefined) {
      if (moved.has(path)) return change.to === null ? [] : [{ ...added(change), was: undefined }];
      return [{ ...change, was: isNew(change) ? undefined : path }];
    }
    const { from, oldMode } = changes.get(source)!;
    const move = { ...change, from, oldMode, was: source };
    const isDisplaced = !isNew(change) && !moved.has(path);
    return isDisplaced ? [{ ...change, to: null, was: path }, move] : [move];
  });
}

const NO_OID = '0'.repeat(40);
const isNew = ({ from }: TreeChange): boolean => from === NO_OID;
const isThere = ({ to }: TreeChange): boolean => to !== null;
const added = (change: TreeChange): TreeChange => ({ ...change, from: NO_OID, oldMode: '000000' });

/** Moves of exactly the same content where a path is there before and after. Git finds the others itself. */
function exactMoves(changes: Changes): Map<string, string> {
  const sources = Map.groupBy(
    // Backwards, because taking from the end of a list costs the same however long it is.
    [...changes.values()].reverse().filter((one) => !isNew(one) && one.to !== one.from),
    ({ from }) => from,
  );
  const stay = new Set([...sources].flatMap(([oid, all]) => (all.some(isThere) ? [oid] : [])));
  const targets = [...changes.values()].filter((one) => isThere(one) && one.to !== one.from);
  const found = new Map<string, string>();
  for (const { path, from, to } of targets) {
    const all = to === EMPTY_BLOB ? [] : (sources.get(to!) ?? []);
    const isInBoth = from !== NO_OID || stay.has(to!);
    const source = isInBoth ? takeBest(all, path) : undefined;
    if (source) found.set(path, source.path);
  }
  return found;
}

/** Takes the source of the same name, else the first path: the last of the list. */
function takeBest(all: TreeChange[], path: string): TreeChange | undefined {
  const name = nameOf(path);
  // Only the next of very many equal files are looked at, so that the time stays linear.
  const skipped = Math.max(0, all.length - 100);
  const at = all.slice(skipped).findLastIndex((one) => nameOf(one.path) === name);
  return at < 0 ? all.pop() : all.splice(skipped + at, 1)[0];
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
