import type { Storages } from '../../storage/storages.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Removes what a deleted team kept outside the database. */
    'remove-team': { teamId: string; workspaces: string[] };
  }
}

/** May run twice: of what is gone already it removes nothing. */
export function removeTeam(storages: Storages): Task<'remove-team'> {
  return {
    name: 'remove-team',
    run: ({ data }) => storages.destroyTeam(data.teamId, data.workspaces),
  };
}
