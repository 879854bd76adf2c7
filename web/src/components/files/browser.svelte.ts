import { SvelteMap } from 'svelte/reactivity';
import { messages } from '../../messages.ts';
import { files } from '../../services/files.ts';
import type { FileRecord } from '../../types/records.ts';
import { FolderPages, type Row } from './folder-pages.svelte.ts';
import { type Move, moveFiles } from './moving.ts';
import { joinPath, parentOf } from './paths.ts';

export type { Row } from './folder-pages.svelte.ts';

type Source = {
  workspaceId: () => string;
  folder: () => string;
  /** Whether the workspace is archived. */
  isReadOnly: () => boolean;
};

/** How long typing rests before the list is narrowed, in milliseconds. */
const pause = 150;

/** What the list of a folder shows and what is chosen in it. */
export class Browser {
  filter = $state('');
  activeKey = $state('');
  renamingKey = $state('');
  /** Rows by their keys: a chosen row stays chosen when it is out of sight. */
  readonly selection = new SvelteMap<string, Row>();
  readonly pages: FolderPages;
  readonly #source: Source;
  #applied = $state('');
  #lastIndex = $state(0);

  readonly rows: readonly (Row | undefined)[] = $derived.by(() => this.pages.rows);
  /** The active row, or the one in its place where it is out of sight or gone. */
  readonly activeIndex: number = $derived.by(() => {
    const index = this.rows.findIndex((row) => row?.key === this.activeKey);
    return index >= 0 ? index : Math.max(Math.min(this.#lastIndex, this.rows.length - 1), 0);
  });

  constructor(source: Source) {
    this.#source = source;
    this.pages = new FolderPages(() => ({
      workspaceId: source.workspaceId(),
      folder: source.folder(),
      text: this.#applied,
    }));
    $effect(() => {
      const text = this.filter.trim();
      const timer = setTimeout(() => (this.#applied = text), text ? pause : 0);
      return () => clearTimeout(timer);
    });
  }

  /** Whether the list is narrowed by name, or is about to be. */
  get isNarrowed(): boolean {
    return this.filter !== '' || this.#applied !== '';
  }

  get isReadOnly(): boolean {
    return this.#source.isReadOnly();
  }

  get folder(): string {
    return this.#source.folder();
  }

  /** The rows that an action concerns: the selection, or else the active row. */
  get chosen(): Row[] {
    if (this.selection.size > 0) return [...this.selection.values()];
    const active = this.rows[this.activeIndex];
    return active ? [active] : [];
  }

  /** The files of rows: themselves, or everything below a folder. */
  async filesOf(rows: readonly Row[]): Promise<FileRecord[]> {
    const lists = rows.map(async (row) =>
      row.kind === 'file' ? [row.file] : files.below(this.#source.workspaceId(), row.folder.path),
    );
    return (await Promise.all(lists)).flat();
  }

  activate(row: Row, index: number): void {
    this.activeKey = row.key;
    this.#lastIndex = index;
  }

  moveActive(by: number): void {
    const index = Math.min(Math.max(this.activeIndex + by, 0), this.rows.length - 1);
    this.activeKey = this.rows[index]?.key ?? '';
    this.#lastIndex = index;
  }

  toggle(row: Row): void {
    if (!this.selection.delete(row.key)) this.selection.set(row.key, row);
  }

  /** Selects from the active row to this one, also rows that have not been in sight. */
  async selectTo(index: number): Promise<void> {
    const [from, to] = [this.activeIndex, index].toSorted((a, b) => a - b) as [number, number];
    for (const row of await this.pages.range(from, to + 1)) this.selection.set(row.key, row);
  }

  startRename(row: Row): void {
    this.renamingKey = row.key;
  }

  /** Renames a row; a folder's files move one after the other. Throws what the server refused. */
  async rename(row: Row, name: string): Promise<void> {
    const wanted = name.trim();
    this.renamingKey = '';
    if (!wanted || wanted === row.name) return;
    const path = row.kind === 'file' ? row.file.path : row.folder.path;
    const moves = await this.#movesTo([row], () => joinPath(parentOf(path), wanted));
    await moveFiles(moves, messages.files.renamed(wanted));
  }

  /** Moves rows into a folder; what is below a moved folder stays below it. Throws what the server refused. */
  async moveInto(rows: readonly Row[], folder: string): Promise<void> {
    const moves = await this.#movesTo(rows, (row) => joinPath(folder, row.name));
    const changed = moves.filter((move) => move.path !== move.file.path);
    await moveFiles(changed, messages.files.moved(changed.length));
  }

  async #movesTo(rows: readonly Row[], target: (row: Row) => string): Promise<Move[]> {
    const lists = rows.map(async (row) => {
      const from = row.kind === 'file' ? row.file.path : row.folder.path;
      const found = await this.filesOf([row]);
      return found.map((file) => ({ file, path: target(row) + file.path.slice(from.length) }));
    });
    return (await Promise.all(lists)).flat();
  }
}
