import { queryOptions } from '@tanstack/svelte-query';
import type { Folder } from '../types/records.ts';
import { read } from './client.ts';

/** A folder of a workspace; the top is `''`. */
export type FolderAt = { workspaceId: string; folder: string; text?: string };
/** One page of a list, and how long the whole list is. */
export type ListPage<Item> = { rows: Item[]; total: number };

export const pageSize = 100;

export const folders = {
  /** One page of the folders that are directly in a folder, by name; `text` narrows by name. */
  inFolder: ({ workspaceId, folder, text = '' }: FolderAt, page: number) =>
    queryOptions({
      queryKey: ['folders', 'in', workspaceId, folder, text, page],
      queryFn: ({ signal }) =>
        readPage<Folder>(
          `/workspaces/${workspaceId}/folders?${folderQuery({ folder, text })}&fields[folders]=path,name,fileCount`,
          page,
          signal,
        ),
    }),
};

/** Reads a page of a list by its number, from 0. */
export async function readPage<Item>(
  path: string,
  page: number,
  signal: AbortSignal,
): Promise<ListPage<Item>> {
  const where = `page[limit]=${pageSize}&page[offset]=${page * pageSize}&page[count]=true`;
  const { data, meta } = await read<Item[]>(`${path}&${where}`, signal);
  return { rows: data, total: (meta.page as { total: number }).total };
}

/** The parameters that select what is directly in a folder, in the order of lists. */
export function folderQuery({ folder, text }: { folder: string; text: string }): string {
  const named = text && `&filter[foldedName][contains]=${encodeURIComponent(fold(text))}`;
  return `filter[folderPath]=${encodeURIComponent(folder)}${named}&sort=sortName`;
}

/** A text without case and normalisation, as the server folds names. */
export function fold(text: string): string {
  return text.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}
