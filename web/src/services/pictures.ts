import { queryOptions } from '@tanstack/svelte-query';
import type { Picture } from '../types/records.ts';
import { readAll } from './client.ts';
import { files } from './files.ts';

type OfFile = Picture & { file: { id: string } };

/** What the server found out about pictures, and the smaller ones that it made. */
export const pictures = {
  /** Those of a workspace, by the id of their file. */
  inWorkspace: (workspaceId: string) =>
    queryOptions({
      queryKey: ['pictures', 'in', workspaceId],
      queryFn: async ({ signal }) => {
        const path = `/pictures?filter[file][workspace][id]=${workspaceId}&include=file`;
        const all = await readAll<OfFile>(`${path}&fields[files]=name`, signal);
        return new Map(all.map((each) => [each.file.id, each]));
      },
    }),

  /** The smaller picture of a version. A version never changes, so it is fetched once. */
  small: (fileId: string, version: number) =>
    queryOptions({
      queryKey: ['thumbnails', fileId, version],
      queryFn: ({ signal }) => files.thumbnail(fileId, signal),
      retry: false,
      staleTime: Number.POSITIVE_INFINITY,
    }),
};
