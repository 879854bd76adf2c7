import type { Storages } from '../../storage/storages.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Removes the repository of a workspace that is gone; its other content is collected at night. */
    'remove-workspace': { workspaceId: string };
  }
}

/** May run twice: it removes nothing of what is gone already. */
export function removeWorkspace({ git }: Pick<Storages, 'git'>): Task<'remove-workspace'> {
  return { name: 'remove-workspace', run: ({ data }) => git.destroy(data.workspaceId) };
}
