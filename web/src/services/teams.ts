import type { Team } from '../types/records.ts';
import { write } from './client.ts';

const type = 'teams';

/** What is done to teams; the own ones are in the session. */
export const teams = {
  create: async (name: string): Promise<Team> =>
    (await write<Team>('POST', '/teams', { type, attributes: { name } })).data,

  update: async (id: string, attributes: { name?: string; slug?: string }): Promise<void> => {
    await write('PATCH', `/teams/${id}`, { type, id, attributes });
  },

  transfer: async (id: string, userId: string): Promise<void> => {
    await write('POST', `/teams/${id}/transfer`, { type, attributes: { userId } });
  },

  remove: async (id: string): Promise<void> => {
    await write('DELETE', `/teams/${id}`);
  },
};
