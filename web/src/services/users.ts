import { queryOptions } from '@tanstack/svelte-query';
import type { UserTeam } from '../types/records.ts';
import { readAll, write } from './client.ts';

export const users = {
  rename: async (id: string, name: string): Promise<void> => {
    await write('PATCH', `/users/${id}`, { type: 'users', id, attributes: { name } });
  },

  /** Everyone in the team that requests act in. */
  members: (teamId: string) =>
    queryOptions({
      queryKey: ['user-teams', teamId],
      queryFn: ({ signal }) =>
        readAll<UserTeam>(`/user-teams?filter[team][id]=${teamId}&include=user`, signal),
    }),
};
