import type { PictureStore } from '../../media/picture-store.ts';
import type { Queue, Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Finds out what a file's newest content is. */
    'process-storage': { teamId: string; fileId: string };
    /** Nothing to say: it looks for content that nothing is known of. */
    'bulk-process': null;
  }
}

/** May run twice: what is known already is not read again. */
export function processStorage(pictures: PictureStore): Task<'process-storage'> {
  return {
    name: 'process-storage',
    // Each is a process of its own in the sandbox.
    batch: 1,
    run: ({ data }) => pictures.process({ teamId: data.teamId }, data.fileId),
  };
}

/** What fell between: written while no worker ran, or by a program that knows of no jobs. */
export function bulkProcess(pictures: PictureStore, queue: Queue): Task<'bulk-process'> {
  return {
    name: 'bulk-process',
    cron: '*/5 * * * *',
    async run() {
      for (const { team_id: teamId, file_id: fileId } of await pictures.unread(1_000)) {
        await queue.add('process-storage', { teamId, fileId });
      }
    },
  };
}
