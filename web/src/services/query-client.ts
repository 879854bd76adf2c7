import { QueryClient } from '@tanstack/svelte-query';
import { connection } from './connection.svelte.ts';
import { ApiError } from './errors.ts';

/** Server state. The event stream says when something is stale, so time alone rarely does. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      // What was seen in this visit is shown when the server is away.
      gcTime: 24 * 3_600_000,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status < 500),
      // The browser's "online" is about the network card; the server may be on this machine.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

/** Lists that failed while the server was away are read again once it is back. */
connection.onBack(() => {
  void queryClient.refetchQueries({ predicate: ({ state }) => state.status === 'error' });
});
