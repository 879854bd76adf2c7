import { queryOptions } from '@tanstack/svelte-query';
import type { BroughtLines, FileRecord, FileVersion } from '../types/records.ts';
import { read, readAll, send, write } from './client.ts';
import { fold } from './fold.ts';
import { type FolderAt, pageSize, readPage } from './folders.ts';
import { recentChanges } from './recent-changes.ts';

const type = 'files';
/** What lists of files show. */
const listed =
  'include=picture&fields[pictures]=status,version&fields[files]=path,name,contentType,size,version,storageBackend,insertedAt,updatedAt,picture';

export type NewFile = {
  workspaceId: string;
  path: string;
  content?: string;
  encoding?: 'base64';
  contentType?: string;
};

/** Where a path in a workspace leads. */
export type LinkTarget = { kind: 'file'; fileId: string } | { kind: 'folder' | 'nothing' };

export const files = {
  /** One page of the files that are directly in a folder, by name; `text` narrows by name. */
  inFolder: (at: FolderAt, page: number) =>
    queryOptions({
      queryKey: [type, 'in', at.workspaceId, at.folder, at.text ?? '', page],
      queryFn: ({ signal }) => readPage<FileRecord>(at, type, listed, page, signal),
    }),

  /** Everything below a folder, by path. */
  below: (workspaceId: string, folder: string): Promise<FileRecord[]> =>
    readAll(
      `/workspaces/${workspaceId}/files?filter[path][starts_with]=${encodeURIComponent(`${folder}/`)}&sort=path&${listed}`,
    ),

  /** Files of the team whose paths have all of these words, the newest hundred; not in archived workspaces. */
  named: (words: readonly string[]) =>
    queryOptions({
      queryKey: [type, 'named', ...words],
      queryFn: async ({ signal }) => {
        const search = new URLSearchParams([
          ['filter[workspace][archivedAt][is_nil]', 'true'],
          ...words.map((word, at) => [`filter[and][${at}][foldedPath][contains]`, word]),
          ['sort', '-updatedAt'],
          ['include', 'workspace'],
          ['fields[files]', 'path,name,contentType,updatedAt,workspace'],
          ['fields[workspaces]', 'name'],
          ['page[limit]', String(pageSize)],
        ]);
        return (await read<FileRecord[]>(`/files?${search}`, signal)).data;
      },
    }),

  /** The names in a folder that begin like this one, whatever their case. */
  namesLike: async (workspaceId: string, folder: string, name: string): Promise<string[]> => {
    const query = `filter[folderPath]=${encodeURIComponent(folder)}&filter[foldedName][starts_with]=${encodeURIComponent(fold(name))}`;
    const path = `/workspaces/${workspaceId}/files?${query}&fields[files]=name`;
    return (await readAll<Pick<FileRecord, 'name'>>(path)).map((file) => file.name);
  },

  recent: (count: number) =>
    queryOptions({
      queryKey: [type, 'recent', count],
      queryFn: ({ signal }) => recentChanges(count, signal),
    }),

  trashed: () =>
    queryOptions({
      queryKey: [type, 'trashed'],
      queryFn: ({ signal }) =>
        readAll<FileRecord>(
          '/files?filter[deletedAt][is_nil]=false&sort=-updatedAt&include=workspace',
          signal,
        ),
    }),

  one: (id: string) =>
    queryOptions({
      queryKey: [type, id],
      queryFn: async ({ signal }) =>
        (await read<FileRecord>(`/files/${id}?include=workspace,picture`, signal)).data,
    }),

  versions: (id: string) =>
    queryOptions({
      queryKey: ['file-versions', id],
      queryFn: async ({ signal }) =>
        (await read<FileVersion[]>(`/files/${id}/versions?page[limit]=100`, signal)).data.toSorted(
          (a, b) => b.version - a.version,
        ),
    }),

  /** A unified diff between two versions; version 0 is the empty text. */
  diff: (id: string, from: number, to: number) =>
    queryOptions({
      queryKey: ['file-diffs', id, from, to],
      queryFn: async ({ signal }) =>
        (await send(`/files/${id}/diff?fromVersion=${from}&toVersion=${to}`, { signal })).text(),
      staleTime: Number.POSITIVE_INFINITY,
    }),

  /** Which version each line of a version came with. */
  blame: (id: string, version: number) =>
    queryOptions({
      queryKey: ['file-blame', id, version],
      queryFn: async ({ signal }) => {
        const answer = await send(`/files/${id}/blame?atVersion=${version}`, { signal });
        return ((await answer.json()) as { meta: { lines: BroughtLines[] } }).meta.lines;
      },
      staleTime: Number.POSITIVE_INFINITY,
    }),

  /** The file at a path of a workspace, or undefined. */
  at: async (workspaceId: string, path: string): Promise<FileRecord | undefined> => {
    const query = new URLSearchParams({
      'filter[workspace][id]': workspaceId,
      'filter[path][eq]': path,
      'page[limit]': '1',
    });
    return (await read<FileRecord[]>(`/files?${query}`)).data[0];
  },

  /** Where a path of a workspace leads: to a file, to a folder that has files, or nowhere. */
  linked: (workspaceId: string, path: string) =>
    queryOptions({
      queryKey: [type, 'linked', workspaceId, path],
      queryFn: async (): Promise<LinkTarget> => {
        if (path === '') return { kind: 'folder' };
        const file = await files.at(workspaceId, path);
        if (file) return { kind: 'file', fileId: file.id };
        return { kind: (await hasFiles(workspaceId, path)) ? 'folder' : 'nothing' };
      },
      staleTime: 0,
      gcTime: 0,
    }),

  create: async ({ workspaceId, ...attributes }: NewFile): Promise<FileRecord> =>
    (
      await write<FileRecord>('POST', '/files', {
        type,
        attributes,
        relationships: { workspace: { type: 'workspaces', id: workspaceId } },
      })
    ).data,

  move: async (id: string, path: string): Promise<void> => {
    await write('PATCH', `/files/${id}`, { type, id, attributes: { path } });
  },

  trash: async (id: string): Promise<void> => {
    await write('DELETE', `/files/${id}`);
  },

  /** Brings a file back from the trash, or an old version back as a new one. */
  restore: async (id: string, version?: number): Promise<void> => {
    await write('POST', `/files/${id}/restore`, {
      type,
      attributes: version === undefined ? {} : { version },
    });
  },

  /** Removes a file in the trash for good. */
  purge: async (id: string): Promise<void> => {
    await write('POST', `/files/${id}/purge`);
  },

  /** Records what the live document holds now as a version. */
  recordVersion: async (id: string, message?: string): Promise<void> => {
    await write('POST', `/files/${id}/versions`, {
      type: 'file-versions',
      attributes: message ? { message } : {},
    });
  },

  /** Replaces the content with these bytes, as a new version. */
  write: async (id: string, content: File): Promise<void> => {
    await send(`/files/${id}/content`, {
      method: 'PUT',
      headers: { 'content-type': content.type || 'application/octet-stream' },
      body: content,
    });
  },

  /** A smaller picture of a picture, once the server has made it. */
  thumbnail: async (id: string, signal?: AbortSignal): Promise<Blob> =>
    (await send(`/files/${id}/thumbnail`, { signal })).blob(),

  content: async (id: string, signal?: AbortSignal): Promise<Blob> =>
    (await send(`/files/${id}/content`, { signal })).blob(),
};

async function hasFiles(workspaceId: string, folder: string): Promise<boolean> {
  const query = new URLSearchParams({
    'filter[workspace][id]': workspaceId,
    'filter[path][starts_with]': `${folder}/`,
    'page[limit]': '1',
  });
  return (await read<FileRecord[]>(`/files?${query}`)).data.length > 0;
}
