import type { Database } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Log } from '../../log.ts';
import type { Storages } from '../../storage/storages.ts';
import { bringHome } from '../../storage-jobs/bring-home.ts';
import type { Queue, Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Brings one team's content back to where it belongs; without a team, every team's that has some elsewhere. */
    'bring-storage-home': { teamId?: string } | null;
  }
}

type Parts = {
  database: Database;
  storages: Storages;
  queue: Queue;
  log: Log;
  changed(teamId: string): void;
};

/** Every five minutes: content that went elsewhere because its backend was down goes home. */
export function bringStorageHome(parts: Parts): Task<'bring-storage-home'> {
  const { database, queue, log, changed } = parts;
  return {
    name: 'bring-storage-home',
    cron: '*/5 * * * *',
    batch: 1,
    longest: 6 * 3_600,
    async run({ data, signal }) {
      const teamId = data?.teamId;
      if (teamId === undefined) {
        const away = await database.system<{ team_id: string }>(
          sql`select team_id from teams_with_content_away()`,
        );
        for (const team of away) await queue.add('bring-storage-home', { teamId: team.team_id });
        return;
      }
      const { moved, failed } = await bringHome(parts, { teamId }, signal);
      if (moved > 0) changed(teamId);
      for (const error of failed) log.error({ err: error, teamId }, 'content cannot come home');
    },
  };
}
