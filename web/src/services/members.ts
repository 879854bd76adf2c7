import { queryOptions } from '@tanstack/svelte-query';
import type { Role, UserTeam } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'user-teams';

export const members = {
  /** Everyone in the team that requests act in. */
  list: (teamId: string) =>
    queryOptions({
      queryKey: [type, teamId],
      queryFn: ({ signal }) =>
        readAll<UserTeam>(`/user-teams?filter[team][id]=${teamId}&include=user`, signal),
    }),

  setRole: async (id: string, role: Role): Promise<void> => {
    await write('PATCH', `/user-teams/${id}`, { type, id, attributes: { role } });
  },

  /** Removes a member; with one's own membership it is leaving. */
  remove: async (id: string): Promise<void> => {
    await write('DELETE', `/user-teams/${id}`);
  },
};
