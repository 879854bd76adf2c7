/** Walks trees and history. */
import { type CommitFields, TREE_MODE, type TreeEntry } from './objects.ts';
import type { ObjectReader } from './reader.ts';

export type TreeFile = { path: string; mode: string; address: string };
export type LogEntry = CommitFields & { commit: string };
export type LogOptions = { path?: string; limit?: number };

const SUBMODULE = '160000';
const DEFAULT_LIMIT = 50;

/** All files of a tree, folders in git's order. */
export async function* walkTree(
  reader: ObjectReader,
  repository: string,
  tree: string,
  prefix = '',
): AsyncIterable<TreeFile> {
  for (const { mode, name, oid } of await reader.tree(repository, tree)) {
    const path = prefix + name;
    if (mode === TREE_MODE) yield* walkTree(reader, repository, oid, `${path}/`);
    else if (mode !== SUBMODULE) yield { path, mode, address: oid };
  }
}

/**
 * The newest commits first. With a path only those that changed it: a merge that took the path over
 * from one parent is passed through to that parent, as `git log` does.
 */
export async function readLog(
  reader: ObjectReader,
  repository: string,
  start: string,
  { path, limit = DEFAULT_LIMIT }: LogOptions,
): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  const seen = new Set([start]);
  const open = [await entry(start)];
  while (open.length > 0 && found.length < limit) {
    const current = open.splice(newest(open), 1)[0]!;
    const parents = await Promise.all(current.parents.map(entry));
    const same = path === undefined ? undefined : await parentWithSame(current, parents, path);
    const changed = path === undefined || (await changedIn(current, parents, same, path));
    if (changed) found.push(current);
    for (const parent of same ? [same] : parents) {
      if (!seen.has(parent.commit)) open.push(parent);
      seen.add(parent.commit);
    }
  }
  return found;

  async function entry(commit: string): Promise<LogEntry> {
    return { commit, ...(await reader.commit(repository, commit)) };
  }

  async function parentWithSame(current: LogEntry, parents: LogEntry[], at: string) {
    const mine = await oidAt(current.tree, at);
    for (const parent of parents) if ((await oidAt(parent.tree, at)) === mine) return parent;
    return undefined;
  }

  async function changedIn(
    current: LogEntry,
    parents: LogEntry[],
    same: LogEntry | undefined,
    at: string,
  ): Promise<boolean> {
    if (same) return false;
    return parents.length > 0 || (await oidAt(current.tree, at)) !== undefined;
  }

  async function oidAt(tree: string, at: string): Promise<string | undefined> {
    const names = at.split('/');
    const file = names.pop();
    let folder = tree;
    for (const name of names) {
      const next = await child(folder, name);
      if (next?.mode !== TREE_MODE) return undefined;
      folder = next.oid;
    }
    return file === undefined ? folder : (await child(folder, file))?.oid;
  }

  async function child(tree: string, name: string): Promise<TreeEntry | undefined> {
    const entries = await reader.tree(repository, tree);
    return entries.find((entry) => entry.name === name);
  }
}

function newest(entries: LogEntry[]): number {
  let best = 0;
  for (let at = 1; at < entries.length; at++) {
    if (entries[at]!.date > entries[best]!.date) best = at;
  }
  return best;
}
