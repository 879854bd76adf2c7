import type { FileRecord } from '../types/records.ts';
import { read } from './client.ts';

/** A file that changed, and how many others of its workspace changed with it, as by one push. */
export type RecentChange = { file: FileRecord; others: number };

/** Lists that are read at most: a change of many files may fill one by itself. */
const mostLists = 4;

/** What is shown of each. */
const shown = 'fields[files]=path,name,contentType,updatedAt,workspace&fields[workspaces]=name';

/** The newest changes. Files that changed at the same moment, by a push or an import, are one of them. */
export async function recentChanges(count: number, signal: AbortSignal): Promise<RecentChange[]> {
  const changes: RecentChange[] = [];
  let before = '';
  for (let lists = 0; lists < mostLists && changes.length < count; lists++) {
    const page = `/files?sort=-updatedAt&include=workspace&${shown}&page[limit]=${count}${before}`;
    const { data } = await read<FileRecord[]>(page, signal);
    const groups = [...Map.groupBy(data, momentOf).values()];
    for (const group of groups) changes.push({ file: group[0]!, others: group.length - 1 });
    const last = data.at(-1);
    if (!last || data.length < count) break;
    // The list may end within a change; the next one begins behind it.
    const isCut = groups.at(-1)!.length > 1;
    if (isCut) changes.at(-1)!.others = (await countAt(last, signal)) - 1;
    before = `&filter[updatedAt][lt]=${encodeURIComponent(last.updatedAt)}`;
  }
  return changes.slice(0, count);
}

const momentOf = (file: FileRecord): string => `${file.workspace?.id} ${file.updatedAt}`;

async function countAt({ workspace, updatedAt }: FileRecord, signal: AbortSignal): Promise<number> {
  const at = `filter[workspace][id]=${workspace?.id}&filter[updatedAt]=${encodeURIComponent(updatedAt)}`;
  const url = `/files?${at}&page[limit]=1&page[count]=true`;
  const { meta } = await read<FileRecord[]>(url, signal);
  return ((meta.page ?? {}) as { total?: number }).total ?? 1;
}
