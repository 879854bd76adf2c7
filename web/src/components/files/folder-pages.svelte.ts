import { createQueries } from '@tanstack/svelte-query';
import { files } from '../../services/files.ts';
import { type FolderAt, folders, type ListPage, pageSize } from '../../services/folders.ts';
import { queryClient } from '../../services/query-client.ts';
import type { FileRecord, Folder } from '../../types/records.ts';

export type Row =
  | { kind: 'folder'; key: string; name: string; folder: Folder }
  | { kind: 'file'; key: string; name: string; file: FileRecord };

const folderRow = (folder: Folder): Row => ({
  kind: 'folder',
  key: `folder:${folder.path}`,
  name: folder.name,
  folder,
});
const fileRow = (file: FileRecord): Row => ({ kind: 'file', key: file.id, name: file.name, file });

/** What is directly in a folder, folders first: the pages in sight are read, the other rows are unknown. */
export class FolderPages {
  readonly #at: () => FolderAt;
  #from = $state(0);
  #to = $state(pageSize);
  readonly #heads;
  readonly #folderPages;
  readonly #filePages;

  constructor(at: () => FolderAt) {
    this.#at = at;
    this.#heads = createQueries(() => ({
      queries: [folders.inFolder(at(), 0), files.inFolder(at(), 0)] as const,
    }));
    this.#folderPages = createQueries(() => ({
      queries: this.#pagesOf(0, this.folderTotal).map((page) => folders.inFolder(at(), page)),
    }));
    this.#filePages = createQueries(() => ({
      queries: this.#pagesOf(this.folderTotal, this.fileTotal).map((page) =>
        files.inFolder(at(), page),
      ),
    }));
  }

  readonly folderTotal: number = $derived.by(() => this.#heads[0].data?.total ?? 0);
  readonly fileTotal: number = $derived.by(() => this.#heads[1].data?.total ?? 0);
  readonly isPending: boolean = $derived.by(() => this.#heads.some((each) => each.isPending));
  /** Why the folder could not be read at all. */
  readonly error: unknown = $derived.by(
    () => this.#heads.find((each) => each.isError && !each.data)?.error,
  );
  /** Why what is known of it may be old. */
  readonly staleReason: unknown = $derived.by(
    () => this.#heads.find((each) => each.data && each.failureReason)?.failureReason,
  );

  /** All rows; those that are not known yet are undefined. */
  readonly rows: (Row | undefined)[] = $derived.by(() => {
    const rows = new Array<Row | undefined>(this.folderTotal + this.fileTotal).fill(undefined);
    const put = (at: number, found: readonly Row[]) => {
      for (const [offset, row] of found.entries())
        if (at + offset < rows.length) rows[at + offset] = row;
    };
    // While one set of pages takes the place of another, some are still those of before.
    for (const { data } of this.#folderPages)
      if (data && this.#isHere(data)) put(data.start, data.rows.map(folderRow));
    for (const { data } of this.#filePages)
      if (data && this.#isHere(data)) put(this.folderTotal + data.start, data.rows.map(fileRow));
    return rows;
  });

  /** Says which rows are in sight. */
  show(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
  }

  /** The rows of a range, read from the server where they are not known. */
  async range(from: number, to: number): Promise<Row[]> {
    const at = this.#at();
    const rows: Row[] = [];
    for (const page of pagesIn(from, to, 0, this.folderTotal)) {
      const known = await queryClient.fetchQuery(folders.inFolder(at, page));
      rows.push(...cut(known.rows.map(folderRow), page * pageSize, from, to));
    }
    for (const page of pagesIn(from, to, this.folderTotal, this.fileTotal)) {
      const known = await queryClient.fetchQuery(files.inFolder(at, page));
      rows.push(...cut(known.rows.map(fileRow), this.folderTotal + page * pageSize, from, to));
    }
    return rows;
  }

  async refetch(): Promise<void> {
    await Promise.all(this.#heads.map((each) => each.refetch()));
  }

  #isHere({ at }: ListPage<unknown>): boolean {
    const here = this.#at();
    const isSameText = (at.text ?? '') === (here.text ?? '');
    return at.workspaceId === here.workspaceId && at.folder === here.folder && isSameText;
  }

  #pagesOf(start: number, total: number): number[] {
    return pagesIn(this.#from, this.#to, start, total);
  }
}

/** The pages of a list of `total` rows from `start` on that hold any of the rows `from` to `to`. */
function pagesIn(from: number, to: number, start: number, total: number): number[] {
  const first = Math.max(from - start, 0);
  const last = Math.min(to - start, total);
  if (last <= first) return [];
  const page = Math.floor(first / pageSize);
  return Array.from({ length: Math.ceil(last / pageSize) - page }, (_, at) => page + at);
}

const cut = (rows: readonly Row[], start: number, from: number, to: number): Row[] =>
  rows.filter((_, at) => start + at >= from && start + at < to);
