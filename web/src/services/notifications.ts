import { infiniteQueryOptions, queryOptions } from '@tanstack/svelte-query';
import type { Notification } from '../types/records.ts';
import { read, relative, send, write } from './client.ts';
import { mediaType } from './json-api.ts';
import { queryClient } from './query-client.ts';
import { keepFollowing } from './server-events.ts';

const type = 'notifications';
const first = (isNil: boolean, size: number) =>
  `/notifications?filter[readAt][is_nil]=${isNil}&sort=-insertedAt&include=team&page[size]=${size}`;

/** What a person was told, over all their teams. */
export const notifications = {
  /** The newest that were not read, and how many there are. */
  unread: () =>
    queryOptions({
      queryKey: [type, 'unread'],
      queryFn: async ({ signal }) => {
        const { data, meta } = await read<Notification[]>(
          `${first(true, 100)}&page[count]=true`,
          signal,
        );
        const { total } = (meta.page ?? {}) as { total?: number };
        return { items: data, total: total ?? data.length };
      },
    }),

  /** Those that were read, newest first, a page at a time. */
  earlier: () =>
    infiniteQueryOptions({
      queryKey: [type, 'earlier'],
      queryFn: async ({ pageParam, signal }) => read<Notification[]>(pageParam, signal),
      initialPageParam: first(false, 30),
      getNextPageParam: ({ next }) => next && relative(next),
    }),

  markRead: async (id: string): Promise<void> => {
    await write('POST', `/notifications/${id}/read`);
  },

  markAllRead: async (): Promise<void> => {
    await write('POST', '/notifications/read-all');
  },

  /** `leaving` sends it even when the page is closed meanwhile. */
  remove: async (id: string, leaving = false): Promise<void> => {
    const path = `/notifications/${id}`;
    await send(path, { method: 'DELETE', headers: { accept: mediaType }, keepalive: leaving });
  },
};

/** Follows what the person is told, in whichever team; returns how to stop. */
export function followNotifications(onTold: (kind: string) => void): () => void {
  const stopping = new AbortController();
  const refresh = () => void queryClient.invalidateQueries({ queryKey: [type] });
  void keepFollowing('/notifications/stream', {
    signal: stopping.signal,
    personal: true,
    onEvent: ({ data }) => {
      refresh();
      onTold((JSON.parse(data) as { kind: string }).kind);
    },
    onGap: refresh,
  });
  return () => stopping.abort();
}
