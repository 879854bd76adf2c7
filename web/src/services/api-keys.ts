import { queryOptions } from '@tanstack/svelte-query';
import type { ApiKey } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'api-keys';

export const apiKeys = {
  list: () =>
    queryOptions({
      queryKey: [type],
      queryFn: ({ signal }) => readAll<ApiKey>('/api-keys?sort=-insertedAt', signal),
    }),

  /** Makes a key and resolves to its secret, which the server shows this once. */
  create: async (name: string, scopes: string[]): Promise<string> => {
    const { meta } = await write<ApiKey>('POST', '/api-keys', {
      type,
      attributes: { name, scopes },
    });
    return String(meta.key);
  },

  revoke: async (id: string): Promise<void> => {
    await write('DELETE', `/api-keys/${id}`);
  },
};
