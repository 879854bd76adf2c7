/** The commits of a workspace, newest first. */
import { notFound } from '@kyozo/resource';
import type { Spawner } from '../spawn/spawner.ts';
import type { Person } from '../storage/git.ts';
import type { Storages } from '../storage/storages.ts';
import type { PushContents } from './push-contents.ts';
import { ask, endOf, feed, pieces, startGit } from './push-git.ts';

export type Commit = {
  id: string;
  message: string;
  /** Who made it, first the author. */
  authors: readonly Person[];
  committedAt: string | null;
  parents: string[];
  /** Files that it changed against its first parent: how many, and the first of them. */
  pathCount: number;
  paths: string[];
};
/** A page begins `skip` commits behind `start`, so that it stays what it was when `main` moves. */
export type Place = { start: string; skip: number };

const MOST_PATHS = 100;

export class CommitList {
  readonly #spawner: Spawner;
  readonly #storages: Storages;
  readonly #contents: PushContents;

  constructor(spawner: Spawner, storages: Storages, contents: PushContents) {
    this.#spawner = spawner;
    this.#storages = storages;
    this.#contents = contents;
  }

  /** Whether the workspace has a commit. */
  async has(workspaceId: string, oid: string): Promise<boolean> {
    const view = { repository: this.#storages.git.folder(workspaceId) };
    const type = await ask(this.#spawner, view, ['cat-file', '-t', oid]).catch(() => []);
    return type[0] === 'commit';
  }

  /** @throws KyozoError `not_found` */
  async one(workspaceId: string, oid: string): Promise<Commit> {
    if (!(await this.has(workspaceId, oid))) throw notFound('There is no such commit.');
    const { commits } = await this.page(workspaceId, { start: oid, skip: 0 }, 1);
    return commits[0]!;
  }

  /** One page, and whether more follow. `start` must be a commit that is here. */
  async page(
    workspaceId: string,
    { start, skip }: Place,
    size: number,
  ): Promise<{ commits: Commit[]; more: boolean }> {
    const view = { repository: this.#storages.git.folder(workspaceId) };
    const args = ['rev-list', '--date-order', '--parents', `--skip=${skip}`];
    const lines = await ask(this.#spawner, view, [...args, `--max-count=${size + 1}`, start, '--']);
    const found = lines.slice(0, size).map((line) => line.split(' '));
    const ids = found.map(([id]) => id!);
    const paths = await this.#paths(workspaceId, ids);
    const abouts = await this.#contents.aboutAll(workspaceId, ids);
    const commits: Commit[] = [];
    for (const [id, ...parents] of found) {
      const { message, authors, at } = abouts.get(id!)!;
      const changed = paths.get(id!) ?? [];
      commits.push({
        ...{ id: id!, message, authors, parents },
        committedAt: at?.toISOString() ?? null,
        pathCount: changed.length,
        paths: changed.slice(0, MOST_PATHS),
      });
    }
    return { commits, more: lines.length > size };
  }

  async #paths(workspaceId: string, ids: readonly string[]): Promise<Map<string, string[]>> {
    const view = { repository: this.#storages.git.folder(workspaceId) };
    const options = ['--stdin', '--root', '-r', '-z', '--name-only', '--no-renames'];
    const child = startGit(this.#spawner, view, [
      ...['diff-tree', ...options, '--diff-merges=first-parent', '--always'],
    ]);
    const end = endOf(child);
    const fed = feed(
      child,
      ids.map((id) => `${id}\n`),
    );
    const paths = new Map<string, string[]>();
    // Git tells the commits in the order that they were asked in, each before its files.
    const waiting = [...ids];
    for await (const piece of pieces(child.stdout, '\0')) {
      if (piece === waiting[0]) paths.set(waiting.shift()!, []);
      else paths.get(ids[ids.length - waiting.length - 1]!)?.push(piece);
    }
    await fed;
    const { code, complaint } = await end;
    if (code !== 0) throw new Error(`git diff-tree ended with ${code}: ${complaint}`);
    return paths;
  }
}
