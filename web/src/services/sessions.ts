import { queryOptions } from '@tanstack/svelte-query';
import type { SessionRecord } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'sessions';

/** Where the person is signed in. */
export const sessions = {
  list: () =>
    queryOptions({
      queryKey: [type],
      queryFn: ({ signal }) => readAll<SessionRecord>('/sessions', signal),
      staleTime: 0,
    }),

  end: async (id: string): Promise<void> => {
    await write('DELETE', `/sessions/${id}`);
  },

  endOthers: async (): Promise<void> => {
    await write('POST', '/sessions/revoke-others');
  },
};
