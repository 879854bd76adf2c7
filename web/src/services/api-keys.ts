import { queryOptions } from '@tanstack/svelte-query';
import type { ApiKey, Role } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'api-keys';

type Wanted = {
  name: string;
  scopes: string[];
  expiresAt: string | null;
  /** What a key of the team acts as; a person's own key without. */
  role?: Role;
};

export const apiKeys = {
  /** The keys of the team that one may see: the own ones, and all for owners and admins. */
  list: () =>
    queryOptions({
      queryKey: [type],
      queryFn: ({ signal }) => readAll<ApiKey>('/api-keys?sort=-insertedAt&include=user', signal),
    }),

  /** Makes a key and resolves to its secret, which the server shows this once. */
  create: async ({ role, expiresAt, ...attributes }: Wanted): Promise<string> => {
    const { meta } = await write<ApiKey>('POST', '/api-keys', {
      type,
      attributes: {
        ...attributes,
        ...(expiresAt && { expiresAt }),
        ...(role && { owner: 'team', role }),
      },
    });
    return String(meta.key);
  },

  revoke: async (id: string): Promise<void> => {
    await write('DELETE', `/api-keys/${id}`);
  },
};
