/**
 * Makes a commit that was pushed to `main` true: file rows, versions and events, in the transaction
 * that holds the workspace. Content is settled before, so that the row is held for little else.
 */
import type { Actor } from '@kyozo/resource';
import type { Spawner } from '../spawn/spawner.ts';
import { PathClash, type Person } from '../storage/git.ts';
import { checkPath } from '../storage/path-rules.ts';
import type { Storages } from '../storage/storages.ts';
import { applySteps, isExecutable } from './apply-steps.ts';
import type { Content } from './content-store.ts';
import type { Held } from './file-store.ts';
import { followRenames, keepPossible, type Renames, settleRenames } from './follow-renames.ts';
import { readPointer } from './lfs.ts';
import { findConflicts, type Resolution, resolve } from './merge-conflicts.ts';
import { printable } from './push-check.ts';
import type { PushContents } from './push-contents.ts';
import {
  changesBetween,
  type GitView,
  isAncestor,
  newestCommits,
  readObjects,
  renamesBetween,
  type TreeChange,
} from './push-git.ts';
import {
  type Merged,
  markedText,
  mergePairs,
  mergeText,
  type Pair,
  type Part,
  pairChanges,
  type Sides,
} from './push-merge.ts';
import { PushRefused } from './push-quarantine.ts';
import { type Command, MAIN, writeRef } from './push-refs.ts';
import type { Recorded } from './record-version.ts';
import type { Put } from './write-files.ts';

/** What a commit changes against what the client knew, with the content that is settled. */
export type Prepared = {
  base: string | undefined;
  commit: string;
  changes: Map<string, TreeChange>;
  renames: Renames;
  contents: Map<string, Content>;
  abouts: Map<string, Recorded>;
};

/** What follows once it stands. */
export type Landed = { head: string; written: string[]; deleted: string[]; merged: boolean };

/** How a branch comes into `main`: always by a merge commit, and with nothing decided unasked. */
export type Merging = { message: string; author: Person; sides: Sides; resolution: Resolution };

const PUSHED: Sides = { ours: 'workspace', theirs: 'push' };

export class MainPush {
  readonly #spawner: Spawner;
  readonly #storages: Storages;
  readonly #contents: PushContents;

  constructor(spawner: Spawner, storages: Storages, contents: PushContents) {
    this.#spawner = spawner;
    this.#storages = storages;
    this.#contents = contents;
  }

  /** Settles all content of the push. Its objects must be the repository's. @throws PushRefused */
  async prepare(
    actor: Actor,
    workspaceId: string,
    { old, new: commit }: Command,
  ): Promise<Prepared> {
    const view = this.#view(workspaceId);
    const changes = await changesBetween(this.#spawner, view, old, commit!);
    for (const { path } of changes.values()) {
      const problem = checkPath(path);
      if (problem) throw new PushRefused(`${printable(path)} is refused. ${problem.message}`);
    }
    const contents = await this.#settle(actor, workspaceId, view, changes);
    const range = { since: old, until: commit! };
    const newest = await newestCommits(this.#spawner, view, range, contents.keys());
    const by = new Map([...contents.keys()].map((path) => [path, newest.get(path) ?? commit!]));
    const known = await this.#contents.aboutAll(workspaceId, by.values());
    const abouts = new Map([...by].map(([path, oid]) => [path, known.get(oid)!]));
    const renames = await this.#renames(view, old, commit!, changes);
    return { base: old, commit: commit!, changes, renames, contents, abouts };
  }

  /**
   * Lands it on the head: as it is when the head is what the client knew, else merged with what was
   * written here since. What others pushed since must be fetched first; a branch that is `merging` comes
   * in beside everything. @throws PushRefused, MergeConflict
   */
  async land(
    held: Held,
    actor: Actor,
    workspaceId: string,
    prepared: Prepared,
    lastPushed: string | undefined,
    merging?: Merging,
  ): Promise<Landed> {
    const { base, commit } = prepared;
    const head = held.head ?? undefined;
    const merge = merging ? head !== undefined : head !== base;
    if (merge && !merging) await this.#mustKnow(workspaceId, head, base, lastPushed);
    const view = this.#view(workspaceId);
    const ours: Map<string, TreeChange> = merge
      ? await changesBetween(this.#spawner, view, base, head!)
      : new Map();
    const moved = merge ? await this.#renames(view, base, head!, ours) : new Map();
    const pairs = pairSides({ changes: ours, renames: moved }, prepared);
    const planned = mergePairs(pairs);
    const sides = merging?.sides ?? PUSHED;
    const steps = merging
      ? await this.#resolved(actor, workspaceId, planned, pairs, prepared, merging)
      : planned;
    const puts: Put[] = [];
    for (const step of steps) {
      const about = prepared.abouts.get(step.pushed);
      if (about && step.kind !== 'keep' && !(step.kind === 'take' && step.to === null))
        puts.push(await this.#put(actor, workspaceId, step, prepared, about, sides));
    }
    const next = merge
      ? await this.#mergeCommit(workspaceId, head!, commit, steps, puts, prepared, merging)
      : commit;
    const place = { teamId: actor.teamId, workspaceId };
    const { deleted, written } = await applySteps(held, place, steps, puts);
    await held.moveHead(next);
    const pushed = { name: MAIN, old: lastPushed, new: commit };
    await writeRef(held.transaction, actor, workspaceId, pushed);
    return { head: next, written, deleted, merged: merge };
  }

  async #renames(
    view: GitView,
    older: string | undefined,
    newer: string,
    changes: ReadonlyMap<string, TreeChange>,
  ): Promise<Renames> {
    const similar = await renamesBetween(this.#spawner, view, older, newer);
    return settleRenames(changes, similar);
  }

  /** The content of all that is new, by path. */
  async #settle(
    actor: Actor,
    workspaceId: string,
    view: GitView,
    changes: ReadonlyMap<string, TreeChange>,
  ): Promise<Map<string, Content>> {
    const brought = [...changes.values()].flatMap(({ path, to }) => (to ? [{ path, to }] : []));
    const contents = new Map<string, Content>();
    if (brought.length === 0) return contents;
    const oids = brought.map(({ to }) => to);
    for await (const object of readObjects(this.#spawner, view, oids)) {
      const { path } = brought[contents.size]!;
      contents.set(path, await this.#contents.settle(actor, workspaceId, path, object));
    }
    return contents;
  }

  #view(workspaceId: string): GitView {
    return { repository: this.#storages.git.folder(workspaceId) };
  }

  /** Only what the editors and the API wrote since is merged unasked. */
  async #mustKnow(
    workspaceId: string,
    head: string | undefined,
    base: string | undefined,
    lastPushed: string | undefined,
  ): Promise<void> {
    const view = this.#view(workspaceId);
    const known =
      head !== undefined &&
      base !== undefined &&
      (await isAncestor(this.#spawner, view, base, head)) &&
      (lastPushed === undefined || (await isAncestor(this.#spawner, view, lastPushed, base)));
    if (!known) throw new PushRefused('others have pushed meanwhile; fetch first');
  }

  async #put(
    actor: Actor,
    workspaceId: string,
    step: Exclude<Merged, { kind: 'keep' }>,
    prepared: Prepared,
    about: Recorded,
    sides: Sides,
  ): Promise<Put> {
    const { path } = step;
    const executable = isExecutable(step);
    const pushed = { path, content: prepared.contents.get(step.pushed)!, about, executable };
    if (step.kind === 'take') return pushed;
    const merged = async (both: Merged & { kind: 'both' }) => {
      const parts = await this.#parts(actor, workspaceId, both, prepared);
      return parts && markedText(parts, sides);
    };
    const text = step.kind === 'text' ? step.text : await merged(step);
    // Of what is no text the pushed one wins; the other stays as its version.
    if (text === undefined) return pushed;
    const content = await this.#contents.store(actor, workspaceId, path, Buffer.from(text));
    return { path, content, about, executable };
  }

  /** The merged text of what both changed; undefined where one is no text, or lies outside git. */
  async #parts(
    actor: Actor,
    workspaceId: string,
    step: Merged & { kind: 'both' },
    { contents }: Prepared,
  ): Promise<Part[] | undefined> {
    const pushed = contents.get(step.pushed)!;
    if (pushed.treeAddress !== pushed.address) return undefined;
    const read = (oid: string) => this.#contents.blob(actor, workspaceId, oid);
    const ours = await read(step.ours);
    if (readPointer(ours)) return undefined;
    const base = step.base ? await read(step.base) : Buffer.alloc(0);
    return mergeText(base, ours, await read(step.theirs));
  }

  /** The steps with each conflict resolved as was asked. @throws as `resolve` */
  async #resolved(
    actor: Actor,
    workspaceId: string,
    steps: readonly Merged[],
    pairs: readonly Pair[],
    prepared: Prepared,
    { resolution }: Merging,
  ): Promise<Merged[]> {
    const texts = new Map<string, Part[]>();
    for (const step of steps) {
      const parts = step.kind === 'both' && (await this.#parts(actor, workspaceId, step, prepared));
      if (parts) texts.set(step.path, parts);
    }
    return resolve(steps, findConflicts(pairs, texts), resolution);
  }

  async #mergeCommit(
    workspaceId: string,
    head: string,
    commit: string,
    steps: readonly Merged[],
    puts: readonly Put[],
    { abouts }: Prepared,
    merging: Merging | undefined,
  ): Promise<string> {
    const mergedTexts = new Map(puts.map(({ path, content }) => [path, content.treeAddress]));
    const left = steps.flatMap(({ path, was }) =>
      was !== undefined && was !== path ? [{ path: was, address: null }] : [],
    );
    const set = steps.map((step) => ({
      path: step.path,
      mode: isExecutable(step) ? ('100755' as const) : ('100644' as const),
      address: 'to' in step ? step.to : mergedTexts.get(step.path)!,
    }));
    const changes = [...left, ...set];
    const [about] = [...abouts.values()].filter((one) => one.commit === commit);
    const author =
      merging?.author ??
      about?.authors[0] ??
      (await this.#contents.about(workspaceId, commit)).authors[0]!;
    const { commit: merge } = await this.#storages.git
      .commit(workspaceId, {
        parent: head,
        mergeParents: [commit],
        changes,
        author,
        message: merging?.message ?? `Merge the push of ${commit.slice(0, 10)}`,
        date: new Date(),
      })
      .catch((error: unknown) => {
        if (error instanceof PathClash)
          throw new PushRefused(merging ? error.message : `${error.message} Fetch first.`);
        throw error;
      });
    return merge;
  }
}

/**
 * Pairs the changes of both sides by file. A rename is followed only where its new path is free on the
 * other side; else its two paths are merged each by itself.
 */
function pairSides(
  ours: { changes: ReadonlyMap<string, TreeChange>; renames: Renames },
  theirs: { changes: ReadonlyMap<string, TreeChange>; renames: Renames },
): Pair[] {
  const isTaken =
    (other: typeof ours) =>
    (path: string, was: string): boolean => {
      const there = other.changes.get(path);
      return there !== undefined && there.to !== null && other.renames.get(path) !== was;
    };
  const followed = (side: typeof ours, other: typeof ours) =>
    followRenames(side.changes, keepPossible(side.renames, side.changes, isTaken(other)));
  return pairChanges(followed(ours, theirs), followed(theirs, ours));
}
