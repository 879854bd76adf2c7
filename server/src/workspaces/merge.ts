/** Merges branches into `main`: by the way of a push, with nothing decided that a person must. */
import { type Actor, KyozoError, notFound } from '@kyozo/resource';
import { person } from './file-store.ts';
import { readPointer } from './lfs.ts';
import { type Conflict, idOf, MergeConflict, type Resolution } from './merge-conflicts.ts';
import type { PushParts } from './push.ts';
import { PushContents } from './push-contents.ts';
import { countFiles, type GitView, isAncestor, mergeBase } from './push-git.ts';
import { type Landed, MainPush } from './push-main.ts';
import { isText } from './push-merge.ts';
import { PushRefused } from './push-quarantine.ts';
import { lockedRefs, MAIN, readRepository } from './push-refs.ts';

/** The commit that `main` points at, and how many files the merge changed; 0 when it held all already. */
export type MergeResult = { commit: string; files: number };

const most = {
  /** Times that a merge begins anew because the branch or `main` has moved. */
  attempts: 5,
  /** Files in conflict that are told, bytes of each side, and of all: past them texts are left out. */
  conflicts: 100,
  bytes: 2 ** 20,
  allBytes: 4 * 2 ** 20,
};

export class BranchMerges {
  readonly #parts: PushParts;
  readonly #contents: PushContents;
  readonly #main: MainPush;

  constructor(parts: PushParts) {
    const { database, storages, contents, spawner } = parts;
    this.#parts = parts;
    this.#contents = new PushContents(database, spawner, storages, contents);
    this.#main = new MainPush(spawner, storages, this.#contents);
  }

  /**
   * Merges a branch into `main`. @throws KyozoError `conflict`, whose `meta.files` lists the files that
   * both sides changed and `resolution` does not decide all of; `not_found`, `invalid`
   */
  async merge(
    actor: Actor,
    workspaceId: string,
    name: string,
    resolution: Resolution,
  ): Promise<MergeResult> {
    return this.#parts.turns.take(workspaceId, async () => {
      try {
        await this.#parts.publishAll(actor.teamId, workspaceId);
        return await this.#merge(actor, workspaceId, name, resolution);
      } catch (error) {
        if (error instanceof MergeConflict) throw await this.#told(actor, workspaceId, error);
        if (error instanceof PushRefused) {
          throw new KyozoError('conflict', error.message, { cause: error });
        }
        throw error;
      }
    });
  }

  async #merge(
    actor: Actor,
    workspaceId: string,
    name: string,
    resolution: Resolution,
  ): Promise<MergeResult> {
    for (let attempt = 0; attempt < most.attempts; attempt++) {
      const state = await readRepository(this.#parts.database, actor, workspaceId);
      const commit = state?.refs.get(`refs/heads/${name}`);
      if (!state || !commit) throw notFound('There is no such branch.');
      const { head } = state;
      const { spawner } = this.#parts;
      const view = this.#view(workspaceId);
      if (head && (await isAncestor(spawner, view, commit, head)))
        return { commit: head, files: 0 };
      const base = head ? await mergeBase(spawner, view, head, commit) : undefined;
      const landed = await this.#land(actor, workspaceId, name, { commit, base, head }, resolution);
      if (landed) return this.#follow(actor.teamId, workspaceId, landed);
    }
    throw new KyozoError('conflict', 'The branch or main kept moving meanwhile; try again.');
  }

  /** Undefined when what it was prepared on is no longer so. */
  async #land(
    actor: Actor,
    workspaceId: string,
    name: string,
    seen: { commit: string; base: string | undefined; head: string | null },
    resolution: Resolution,
  ): Promise<Landed | undefined> {
    const { files, spawner, limits } = this.#parts;
    const { commit, base } = seen;
    const view = this.#view(workspaceId);
    const command = { name: MAIN, old: base, new: commit };
    const prepared = await this.#main.prepare(actor, workspaceId, command);
    const sides = { ours: 'main', theirs: name };
    return files.hold(actor, workspaceId, async (held) => {
      const refs = await lockedRefs(held.transaction, workspaceId);
      if (refs.get(`refs/heads/${name}`) !== commit) return undefined;
      if (held.head !== seen.head) {
        if (!held.head || (await mergeBase(spawner, view, held.head, commit)) !== base) {
          return undefined;
        }
      }
      const author = await person(held.transaction, actor);
      const merging = { message: `Merge branch '${name}'`, author, sides, resolution };
      const landed = await this.#main.land(held, actor, workspaceId, prepared, undefined, merging);
      if ((await countFiles(spawner, view, landed.head)) > limits.files) {
        throw new PushRefused(`A workspace has at most ${limits.files} files.`);
      }
      return landed;
    });
  }

  /** Behind the commit nothing may fail any more: the next open repairs what did not follow. */
  async #follow(teamId: string, workspaceId: string, landed: Landed): Promise<MergeResult> {
    const { storages, changed, closed, follow, log } = this.#parts;
    await storages.git.setRef(workspaceId, MAIN, landed.head).catch(log);
    changed(teamId);
    for (const id of landed.deleted) closed(id);
    for (const id of landed.written) await follow(id).catch(log);
    return { commit: landed.head, files: landed.written.length + landed.deleted.length };
  }

  #view(workspaceId: string): GitView {
    return { repository: this.#parts.storages.git.folder(workspaceId) };
  }

  async #told(actor: Actor, workspaceId: string, error: MergeConflict): Promise<KyozoError> {
    const files = [];
    let room = most.allBytes;
    for (const conflict of error.conflicts.slice(0, most.conflicts)) {
      const side = async (oid: string | null) => {
        const told = await this.#side(actor, workspaceId, oid, Math.min(room, most.bytes));
        room -= told?.text ? told.size : 0;
        return told;
      };
      const [ours, theirs] = [await side(conflict.ours), await side(conflict.theirs)];
      const isShown = typeof ours?.text === 'string' && typeof theirs?.text === 'string';
      const parts = (isShown && conflict.parts) || null;
      files.push({ path: conflict.path, id: idOf(conflict), ours, theirs, parts });
    }
    const count = error.conflicts.length;
    const subject = count === 1 ? 'A file was' : `${count} files were`;
    const message = `${subject} changed on both sides; say in "resolution" what stands of each. Nothing was merged.`;
    return new KyozoError('conflict', message, { meta: { files, total: count }, cause: error });
  }

  /** One side of a conflict: its text where it is one and not too long, null where it was deleted. */
  async #side(
    actor: Actor,
    workspaceId: string,
    oid: Conflict['ours'],
    room: number,
  ): Promise<{ size: number; text: string | null } | null> {
    if (oid === null) return null;
    const scope = { teamId: actor.teamId, workspaceId };
    const size = (await this.#parts.storages.git.head(scope, oid))?.size ?? 0;
    if (size > room) return { size, text: null };
    const bytes = await this.#contents.blob(actor, workspaceId, oid);
    const pointer = readPointer(bytes);
    if (pointer) return { size: pointer.size, text: null };
    return { size, text: isText(bytes) ? bytes.toString('utf8') : null };
  }
}
