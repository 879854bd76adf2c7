import { queryOptions } from '@tanstack/svelte-query';
import type { Folder } from '../types/records.ts';
import { read } from './client.ts';
import { fold } from './fold.ts';

/** A folder of a workspace; the top is `''`. */
export type FolderAt = { workspaceId: string; folder: string; text?: string };
/** One page of what is in a folder: which folder, the number of its first row, and how long the list is. */
export type ListPage<Item> = { at: FolderAt; rows: Item[]; start: number; total: number };

export const pageSize = 100;

export const folders = {
  /** One page of the folders that are directly in a folder, by name; `text` narrows by name. */
  inFolder: (at: FolderAt, page: number) =>
    queryOptions({
      queryKey: ['folders', 'in', at.workspaceId, at.folder, at.text ?? '', page],
      queryFn: ({ signal }) =>
        readPage<Folder>(at, 'folders', 'fields[folders]=path,name,fileCount', page, signal),
    }),
};

/** Reads a page of a folder's files or folders by its number, from 0, in the order of lists. */
export async function readPage<Item>(
  at: FolderAt,
  what: 'files' | 'folders',
  shown: string,
  page: number,
  signal: AbortSignal,
): Promise<ListPage<Item>> {
  const { workspaceId, folder, text } = at;
  const named = text ? `&filter[foldedName][contains]=${encodeURIComponent(fold(text))}` : '';
  const where = `filter[folderPath]=${encodeURIComponent(folder)}${named}&sort=sortName`;
  const start = page * pageSize;
  const part = `page[limit]=${pageSize}&page[offset]=${start}&page[count]=true`;
  const path = `/workspaces/${workspaceId}/${what}?${where}&${shown}&${part}`;
  const { data, meta } = await read<Item[]>(path, signal);
  return { at, rows: data, start, total: (meta.page as { total: number }).total };
}
