import { runMove } from '../../storage-jobs/run-move.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Moves a workspace's content to another backend. */
    'move-storage': { teamId: string; moveId: string };
  }
}

/** May run twice, and go on where another has died: it looks what is left. */
export const moveStorage = (parts: Parameters<typeof runMove>[0]): Task<'move-storage'> => ({
  name: 'move-storage',
  batch: 1,
  longest: 20 * 3_600,
  run: ({ data, signal }) => runMove(parts, { teamId: data.teamId }, data.moveId, signal),
});
