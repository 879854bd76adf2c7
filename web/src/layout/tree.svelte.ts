import { createQueries } from '@tanstack/svelte-query';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { messages } from '../messages.ts';
import { files } from '../services/files.ts';
import { type FolderAt, folders, type ListPage } from '../services/folders.ts';
import type { FileRecord, Workspace } from '../types/records.ts';

type Place = { key: string; depth: number; name: string; href: string; isOpen: boolean };
type Branch = Place & { kind: 'workspace' | 'folder' };
export type Node =
  | Branch
  | (Place & { kind: 'file'; file: FileRecord })
  /** Stands for what is not shown of a folder: more of it, or what could not be read. */
  | (Place & { kind: 'more'; run: () => void });
/** An unfolded workspace or folder. */
type Unfolded = FolderAt & { key: string };

const openKey = 'kyozo.open-folders';

/** What the sidebar's tree shows: the unfolded part, flattened, so that arrows can walk it. */
export class Tree {
  readonly open = new SvelteSet<string>(
    JSON.parse(localStorage.getItem(openKey) ?? '[]') as string[],
  );
  /** How many pages are shown of an unfolded place, where that is more than one. */
  readonly #shown = new SvelteMap<string, number>();
  readonly #workspaces: () => readonly Workspace[];
  readonly #folders;
  readonly #files;

  constructor(workspaces: () => readonly Workspace[]) {
    this.#workspaces = workspaces;
    this.#folders = createQueries(() => ({
      queries: this.#pages.map(({ at, page }) => folders.inFolder(at, page)),
    }));
    this.#files = createQueries(() => ({
      queries: this.#pages.map(({ at, page }) => files.inFolder(at, page)),
    }));
  }

  /** The unfolded places whose folders are all unfolded, too. */
  readonly #unfolded: readonly Unfolded[] = $derived.by(() => {
    const ids = new Set(this.#workspaces().map(({ id }) => id));
    return [...this.open].flatMap((key) => {
      const [workspaceId = '', ...parts] = key.split('/');
      const above = parts.map((_, at) => [workspaceId, ...parts.slice(0, at)].join('/'));
      const isShown = ids.has(workspaceId) && above.every((each) => this.open.has(each));
      return isShown ? [{ key, workspaceId, folder: parts.join('/') }] : [];
    });
  });
  readonly #pages: readonly { at: Unfolded; page: number }[] = $derived.by(() =>
    this.#unfolded.flatMap((at) =>
      Array.from({ length: this.#shown.get(at.key) ?? 1 }, (_, page) => ({ at, page })),
    ),
  );

  readonly nodes: readonly Node[] = $derived.by(() =>
    this.#workspaces().flatMap(({ id, name }) => this.#branch(workspaceNode(id, name))),
  );

  /** On the first visit nothing was folded or unfolded yet: the first workspace shows its files. */
  welcome(first: Workspace | undefined): void {
    if (first && localStorage.getItem(openKey) === null) this.toggle(first.id, true);
  }

  toggle(key: string, unfold = !this.open.has(key)): void {
    if (unfold) this.open.add(key);
    else this.open.delete(key);
    localStorage.setItem(openKey, JSON.stringify([...this.open].slice(-200)));
  }

  #branch(node: Branch): Node[] {
    const isOpen = this.open.has(node.key);
    return [{ ...node, isOpen }, ...(isOpen ? this.#inside(node) : [])];
  }

  #inside({ key, depth }: Place): Node[] {
    const workspaceId = key.split('/')[0]!;
    const indices = this.#pages.flatMap(({ at }, index) => (at.key === key ? [index] : []));
    const readings = indices.flatMap((index) => [this.#folders[index], this.#files[index]]);
    // While one set of pages takes the place of another, some are still those of before.
    const isHere = ({ at }: ListPage<unknown>) => keyOf(at) === key;
    const folderPages = this.#folders.flatMap(({ data }) => (data && isHere(data) ? [data] : []));
    const filePages = this.#files.flatMap(({ data }) => (data && isHere(data) ? [data] : []));
    const deeper = folderPages.flatMap(({ rows }) => rows);
    const leaves = filePages.flatMap(({ rows }) => rows);
    const total = (folderPages[0]?.total ?? 0) + (filePages[0]?.total ?? 0);
    const nodes = [
      ...deeper.flatMap(({ path, name }) =>
        this.#branch(folderNode(workspaceId, path, name, depth + 1)),
      ),
      ...leaves.map((file): Node => fileNode(file, depth + 1)),
    ];
    const failed = readings.filter((page) => page?.isError);
    const more = (name: string, run: () => void): Node => ({
      ...{ key: `${key}//more`, depth: depth + 1, name, href: '', isOpen: false },
      ...{ kind: 'more', run },
    });
    if (failed.length > 0) {
      const retry = () => failed.forEach((page) => void page?.refetch());
      return [...nodes, more(messages.files.treeFailed, retry)];
    }
    const isLast = deeper.length + leaves.length >= total;
    if (isLast) return nodes;
    return [
      ...nodes,
      more(messages.files.moreInTree(total), () => this.#shown.set(key, indices.length + 1)),
    ];
  }
}

const keyOf = ({ workspaceId, folder }: FolderAt): string =>
  folder ? `${workspaceId}/${folder}` : workspaceId;

const workspaceNode = (id: string, name: string): Branch => ({
  kind: 'workspace',
  key: id,
  depth: 1,
  name,
  href: `/workspaces/${id}`,
  isOpen: false,
});

const folderNode = (workspaceId: string, path: string, name: string, depth: number): Branch => ({
  kind: 'folder',
  key: `${workspaceId}/${path}`,
  depth,
  name,
  href: `/workspaces/${workspaceId}?folder=${encodeURIComponent(path)}`,
  isOpen: false,
});

const fileNode = (file: FileRecord, depth: number): Node => ({
  kind: 'file',
  key: file.id,
  depth,
  name: file.name,
  href: `/files/${file.id}`,
  isOpen: false,
  file,
});
