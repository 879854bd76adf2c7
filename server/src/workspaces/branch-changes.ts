/** What a branch, or one commit, holds against where it parted. */
import { KyozoError, notFound } from '@kyozo/resource';
import type { Tenant } from '../database/database.ts';
import type { Spawner } from '../spawn/spawner.ts';
import type { Storages } from '../storage/storages.ts';
import { patchOf } from './history.ts';
import { readPointer } from './lfs.ts';
import type { PushContents } from './push-contents.ts';
import { ask, changesBetween, EMPTY_TREE, mergeBase } from './push-git.ts';

export type ChangedFile = {
  path: string;
  kind: 'added' | 'changed' | 'deleted';
  /** Lines; null of what is no text. */
  additions: number | null;
  deletions: number | null;
  binary: boolean;
};
/** Where a branch parted from `main`, and what it has changed since. */
export type BranchChanges = { base: string | null; files: ChangedFile[]; total: number };
/** A branch and `main`, by the commits they point at, and as a diff calls them; or a commit and its parent. */
export type Heads = {
  workspaceId: string;
  head: string;
  main: string | null;
  names: { before: string; after: string };
};

const most = { files: 1_000, size: 1024 * 1024 };
const NOTHING = /^0+$/;

export class BranchReader {
  readonly #spawner: Spawner;
  readonly #storages: Storages;
  readonly #contents: PushContents;

  constructor(spawner: Spawner, storages: Storages, contents: PushContents) {
    this.#spawner = spawner;
    this.#storages = storages;
    this.#contents = contents;
  }

  /** The files that a branch changed since it parted from `main`, by path; at most 1,000 of them. */
  async changes(heads: Heads): Promise<BranchChanges> {
    const base = await this.#base(heads);
    const view = this.#view(heads);
    const changes = await changesBetween(this.#spawner, view, base, heads.head);
    const args = ['diff-tree', '-r', '-z', '--numstat', '--no-renames', base ?? EMPTY_TREE];
    const counted = await ask(this.#spawner, view, [...args, heads.head], '\0');
    const counts = new Map(
      counted.map((line) => {
        const [added, deleted, ...path] = line.split('\t');
        return [path.join('\t'), [added, deleted]];
      }),
    );
    const files = [...changes.values()].slice(0, most.files).map(({ path, from, to }) => {
      const [added, deleted] = counts.get(path) ?? ['-', '-'];
      const kind = to === null ? 'deleted' : NOTHING.test(from) ? 'added' : 'changed';
      const binary = added === '-';
      const numbers = binary ? [null, null] : [Number(added), Number(deleted)];
      return { path, kind, additions: numbers[0]!, deletions: numbers[1]!, binary } as const;
    });
    return { base: base ?? null, files, total: changes.size };
  }

  /**
   * A unified diff of one file of a branch against where it parted from `main`.
   * @throws KyozoError `not_found` where it is the same, `invalid` for what is no text, `too_large`
   */
  async diff(reader: Tenant, heads: Heads, path: string): Promise<string> {
    const base = await this.#base(heads);
    const changes = await changesBetween(this.#spawner, this.#view(heads), base, heads.head);
    const change = changes.get(path);
    if (!change) throw notFound('This file was not changed.');
    const before = NOTHING.test(change.from) ? null : change.from;
    const [old, now] = await Promise.all(
      [before, change.to].map((oid) => this.#text(reader, heads.workspaceId, oid)),
    );
    const sides = { ...heads.names, isNew: before === null, isGone: !change.to };
    return patchOf(path, old!, now!, sides);
  }

  #view({ workspaceId }: Heads) {
    return { repository: this.#storages.git.folder(workspaceId) };
  }

  async #base(heads: Heads): Promise<string | undefined> {
    const { main, head } = heads;
    return main === null ? undefined : mergeBase(this.#spawner, this.#view(heads), main, head);
  }

  async #text(reader: Tenant, workspaceId: string, oid: string | null): Promise<string> {
    if (oid === null) return '';
    const scope = { teamId: reader.teamId, workspaceId };
    const size = (await this.#storages.git.head(scope, oid))?.size ?? 0;
    if (size > most.size) {
      throw new KyozoError('too_large', 'Only texts of up to 1 MiB can be compared.');
    }
    const bytes = await this.#contents.blob(reader, workspaceId, oid);
    if (bytes.includes(0) || readPointer(bytes)) {
      throw new KyozoError('invalid', 'Only texts can be compared line by line.');
    }
    // Old texts have other encodings: their lines can be compared, though some signs cannot be shown.
    return bytes.toString('utf8');
  }
}
