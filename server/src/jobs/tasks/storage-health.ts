import type { Notifier } from '../../accounts/notifier.ts';
import type { Database } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Log } from '../../log.ts';
import type { Storages } from '../../storage/storages.ts';
import { allTeams } from '../../storage-jobs/all-teams.ts';
import { checkContents, recordCheck } from '../../storage-jobs/check-contents.ts';
import type { Queue, Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Reads one team's contents back; without a team, all of them. */
    'storage-health': { teamId?: string } | null;
  }
}

type Parts = {
  database: Database;
  storages: Storages;
  queue: Queue;
  log: Log;
  notifier: Notifier;
};
/** Seconds that are spent on a team each week. */
const share = 1_800;

/** Sundays at 03:30 UTC: contents are read back, and whoever runs a team hears of what is damaged or gone. */
export function storageHealth(parts: Parts): Task<'storage-health'> {
  const { database, queue, log, notifier } = parts;
  return {
    name: 'storage-health',
    cron: '30 3 * * 0',
    batch: 1,
    longest: 2 * share,
    async run({ data, signal }) {
      const teamId = data?.teamId;
      if (teamId === undefined) {
        for await (const each of allTeams(database))
          await queue.add('storage-health', { teamId: each });
        return;
      }
      const found = await checkContents(parts, { teamId }, share, signal);
      const told = await database.transaction({ teamId }, async (transaction) => {
        const people = await recordCheck(transaction, { teamId }, found);
        if (people.length > 0) await notifier.mail(transaction);
        return people;
      });
      notifier.wake(database, ...told);
      const { damaged, missing } = found;
      if (damaged.length + missing.length > 0)
        log.error({ teamId, damaged, missing }, 'content is damaged or missing');
    },
  };
}

/** For `/health/ready`. @throws Error that says how many contents the last looks have found damaged or missing */
export async function checkFaults(database: Database): Promise<void> {
  const [faults] = await database.system<{ damaged: number; missing: number }>(
    sql`select damaged::float8 as damaged, missing::float8 as missing from storage_faults()`,
  );
  if (faults && faults.damaged + faults.missing > 0)
    throw new Error(`${faults.damaged} contents are damaged, ${faults.missing} are missing.`);
}
