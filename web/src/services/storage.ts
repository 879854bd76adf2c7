import { queryOptions } from '@tanstack/svelte-query';
import type { StorageBackend, StorageMove, StorageUse } from '../types/records.ts';
import { read, readAll, write } from './client.ts';

/** Milliseconds between looks at a move that runs; events say the rest. */
const pause = 1_000;

export const storage = {
  /** What the team's workspaces keep in each backend. */
  use: () =>
    queryOptions({
      queryKey: ['files', 'storage'],
      queryFn: ({ signal }) => readAll<StorageUse>('/storage-resources', signal),
    }),

  /** The newest moves of workspaces to other backends, first the last one. */
  moves: () =>
    queryOptions({
      queryKey: ['storage-moves'],
      queryFn: async ({ signal }) =>
        (await read<StorageMove[]>('/storage-moves?sort=-insertedAt&page[limit]=100', signal)).data,
      refetchInterval: ({ state }) => (state.data?.some(isOpen) ? pause : false),
    }),

  /** Begins to move what a workspace keeps outside git. */
  move: async (workspaceId: string, backend: StorageBackend): Promise<void> => {
    const attributes = { backend };
    const path = `/workspaces/${workspaceId}/move-storage`;
    await write('POST', path, { type: 'workspaces', attributes });
  },

  stopMove: async (id: string): Promise<void> => {
    await write('POST', `/storage-moves/${id}/cancel`);
  },
};

/** Whether more will happen to it. */
export function isOpen({ status }: StorageMove): boolean {
  return status === 'queued' || status === 'running';
}
