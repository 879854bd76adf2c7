import { queryOptions } from '@tanstack/svelte-query';
import type { StorageUse } from '../types/records.ts';
import { readAll } from './client.ts';

export const storage = {
  /** What the team's workspaces keep in each backend. */
  use: () =>
    queryOptions({
      queryKey: ['files', 'storage'],
      queryFn: ({ signal }) => readAll<StorageUse>('/storage-resources?include=workspace', signal),
    }),
};
