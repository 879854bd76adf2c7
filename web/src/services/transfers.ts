import { infiniteQueryOptions, queryOptions } from '@tanstack/svelte-query';
import type { Outcome, Transfer, TransferEntry } from '../types/records.ts';
import { read, relative, write } from './client.ts';

const type = 'transfers';
/** Milliseconds between looks at one that runs; events say the rest. */
const pause = 1_000;

/** Archives that come into workspaces or out of them. */
export const transfers = {
  one: (id: string) =>
    queryOptions({
      queryKey: [type, id],
      queryFn: async ({ signal }) =>
        (await read<Transfer>(`/transfers/${id}?include=workspace`, signal)).data,
      refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : pause),
    }),

  /** The newest, of the last day: older ones are forgotten. */
  recent: () =>
    queryOptions({
      queryKey: [type, 'recent'],
      queryFn: async ({ signal }) =>
        (
          await read<Transfer[]>(
            '/transfers?sort=-insertedAt&include=workspace&page[limit]=50',
            signal,
          )
        ).data,
    }),

  /** What became of each file of an import, a page at a time. */
  entries: (id: string, outcome: Outcome | 'all') =>
    infiniteQueryOptions({
      queryKey: [type, id, 'entries', outcome],
      queryFn: async ({ pageParam, signal }) => read<TransferEntry[]>(pageParam, signal),
      initialPageParam: firstEntries(id, outcome),
      getNextPageParam: ({ next }) => next && relative(next),
    }),

  /** Where an archive that was exported is; only the session that asked for it may fetch it. */
  contentPath: (id: string): string => `/transfers/${id}/content`,

  /** Begins to pack a workspace. */
  startExport: async (workspaceId: string): Promise<Transfer> =>
    (await write<Transfer>('POST', `/workspaces/${workspaceId}/export`)).data,
};

/** Whether nothing more will happen to it. */
export function isOver({ status }: Transfer): boolean {
  return status === 'succeeded' || status === 'failed';
}

function firstEntries(id: string, outcome: Outcome | 'all'): string {
  const filter = outcome === 'all' ? '' : `&filter[outcome]=${outcome}`;
  return `/transfers/${id}/entries?sort=position&page[size]=100&page[count]=true${filter}`;
}
