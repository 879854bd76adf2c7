import type { Database } from '../../database/database.ts';
import type { Log } from '../../log.ts';
import type { Storages } from '../../storage/storages.ts';
import { allTeams } from '../../storage-jobs/all-teams.ts';
import { collect } from '../../storage-jobs/collect.ts';
import { emptyTrash } from '../../storage-jobs/empty-trash.ts';
import type { Queue, Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Removes what one team no longer needs; without a team, of all of them. */
    'cleanup-storage': { teamId?: string } | null;
  }
}

type Parts = {
  database: Database;
  storages: Storages;
  queue: Queue;
  log: Log;
  /** Seconds that content lies at least, whether anything names it or not. */
  grace: number;
  /** Days that a file stays in the trash. */
  trashDays: number;
  /** A team's files have changed. */
  changed(teamId: string): void;
};

/** At 02:00 UTC, a job a team: what has been in the trash for long goes, then the content that nothing names. */
export function cleanupStorage(parts: Parts): Task<'cleanup-storage'> {
  const { database, queue, log, grace, trashDays, changed } = parts;
  return {
    name: 'cleanup-storage',
    cron: '0 2 * * *',
    batch: 1,
    longest: 6 * 3_600,
    async run({ data, signal }) {
      const teamId = data?.teamId;
      if (teamId === undefined) {
        for await (const each of allTeams(database))
          await queue.add('cleanup-storage', { teamId: each });
        return;
      }
      const purged = await emptyTrash(database, { teamId }, trashDays, (workspaceId, transaction) =>
        queue.add('remove-workspace', { workspaceId }, transaction),
      );
      if (purged > 0) changed(teamId);
      const { failed, ...done } = await collect(parts, { teamId }, grace, signal);
      log.info({ teamId, purged, ...done }, 'storage was cleaned up');
      if (failed.length > 0) throw failed[0];
    },
  };
}
