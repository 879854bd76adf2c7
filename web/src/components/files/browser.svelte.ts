import { SvelteSet } from 'svelte/reactivity';
import type { FileRecord } from '../../types/records.ts';
import { moveFile } from './moving.ts';
import { contentsOf, type Folder, joinPath, parentOf } from './paths.ts';

export type Row =
  | { kind: 'folder'; key: string; name: string; folder: Folder }
  | { kind: 'file'; key: string; name: string; file: FileRecord };

type Source = {
  files: () => readonly FileRecord[];
  folder: () => string;
  /** Whether the workspace is archived. */
  isReadOnly: () => boolean;
};

/** What the list of a folder shows and what is chosen in it. */
export class Browser {
  filter = $state('');
  activeKey = $state('');
  renamingKey = $state('');
  renameError = $state('');
  readonly selection = new SvelteSet<string>();
  readonly #source: Source;

  readonly rows: Row[] = $derived.by(() => this.#rows());
  readonly activeIndex = $derived(
    Math.max(
      this.rows.findIndex((row) => row.key === this.activeKey),
      0,
    ),
  );

  constructor(source: Source) {
    this.#source = source;
  }

  get isReadOnly(): boolean {
    return this.#source.isReadOnly();
  }

  get folder(): string {
    return this.#source.folder();
  }

  /** The files that an action concerns: the selection, or else the active row's. */
  get chosen(): FileRecord[] {
    const keys =
      this.selection.size > 0 ? this.selection : new Set([this.rows[this.activeIndex]?.key]);
    return this.rows.filter((row) => keys.has(row.key)).flatMap((row) => this.filesOf(row));
  }

  /** A row's files: itself, or everything below a folder. */
  filesOf(row: Row): FileRecord[] {
    if (row.kind === 'file') return [row.file];
    return this.#source.files().filter((file) => file.path.startsWith(`${row.folder.path}/`));
  }

  moveActive(by: number): void {
    const index = Math.min(Math.max(this.activeIndex + by, 0), this.rows.length - 1);
    this.activeKey = this.rows[index]?.key ?? '';
  }

  toggle(row: Row): void {
    if (!this.selection.delete(row.key)) this.selection.add(row.key);
  }

  /** Selects from the active row to this one. */
  selectTo(row: Row): void {
    const [from, to] = [this.activeIndex, this.rows.indexOf(row)].toSorted((a, b) => a - b);
    for (const each of this.rows.slice(from, to! + 1)) this.selection.add(each.key);
  }

  startRename(row: Row): void {
    this.renamingKey = row.key;
    this.renameError = '';
  }

  /** Renames a row; a folder's files move one after the other. Throws what the server refused. */
  async rename(row: Row, name: string): Promise<void> {
    const wanted = name.trim();
    this.renamingKey = '';
    if (!wanted || wanted === row.name) return;
    if (row.kind === 'file') return moveFile(row.file, joinPath(parentOf(row.file.path), wanted));
    const target = joinPath(parentOf(row.folder.path), wanted);
    for (const file of this.filesOf(row)) {
      await moveFile(file, target + file.path.slice(row.folder.path.length));
    }
  }

  #rows(): Row[] {
    const wanted = this.filter.trim().toLocaleLowerCase();
    const { folders, files } = contentsOf(this.#source.files(), this.folder);
    const rows: Row[] = [
      ...folders.map((folder) => ({
        kind: 'folder' as const,
        key: `folder:${folder.path}`,
        name: folder.name,
        folder,
      })),
      ...files.map((file) => ({ kind: 'file' as const, key: file.id, name: file.name, file })),
    ];
    return wanted ? rows.filter((row) => row.name.toLocaleLowerCase().includes(wanted)) : rows;
  }
}
