import { SvelteSet } from 'svelte/reactivity';
import { contentsOf } from '../components/files/paths.ts';
import type { FileRecord, Workspace } from '../types/records.ts';

export type Node = {
  key: string;
  depth: number;
  name: string;
  href: string;
  kind: 'workspace' | 'folder' | 'file';
  workspaceId: string;
  file?: FileRecord;
  isOpen: boolean;
};

const openKey = 'kyozo.open-folders';

/** What the sidebar's tree shows: the unfolded part, flattened, so that arrows can walk it. */
export class Tree {
  readonly open = new SvelteSet<string>(
    JSON.parse(localStorage.getItem(openKey) ?? '[]') as string[],
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

  nodes(
    workspaces: readonly Workspace[],
    filesOf: (workspaceId: string) => readonly FileRecord[],
  ): Node[] {
    return workspaces.flatMap(({ id, name }) => {
      const isOpen = this.open.has(id);
      const node: Node = {
        key: id,
        depth: 1,
        name,
        href: `/workspaces/${id}`,
        kind: 'workspace',
        workspaceId: id,
        isOpen,
      };
      return isOpen ? [node, ...this.#inside(id, filesOf(id), '', 2)] : [node];
    });
  }

  #inside(
    workspaceId: string,
    files: readonly FileRecord[],
    folder: string,
    depth: number,
  ): Node[] {
    const contents = contentsOf(files, folder);
    const folders = contents.folders.flatMap((each) => {
      const key = `${workspaceId}/${each.path}`;
      const isOpen = this.open.has(key);
      const node: Node = {
        key,
        depth,
        name: each.name,
        href: `/workspaces/${workspaceId}?folder=${encodeURIComponent(each.path)}`,
        kind: 'folder',
        workspaceId,
        isOpen,
      };
      return isOpen ? [node, ...this.#inside(workspaceId, files, each.path, depth + 1)] : [node];
    });
    const leaves = contents.files.map(
      (file): Node => ({
        key: file.id,
        depth,
        name: file.name,
        href: `/files/${file.id}`,
        kind: 'file',
        workspaceId,
        file,
        isOpen: false,
      }),
    );
    return [...folders, ...leaves];
  }
}
