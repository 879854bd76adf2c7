import { KyozoError, notFound } from '@kyozo/resource';
import { type Call, type Performers, stale } from '../actions.ts';
import type { Database, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { valuesOf } from '../records.ts';
import type { Notifier } from './notifier.ts';
import { team } from './team.ts';

/** What a deleted team leaves outside the database. */
export type Remains = { teamId: string; workspaces: string[]; notebooks: string[] };

type Parts = {
  database: Database;
  notifier: Notifier;
  /** Has removed, once the transaction commits, what the team kept outside the database. */
  bury(remains: Remains, transaction: Transaction): Promise<void>;
  /** Closes what is open of a team that is no more. */
  ended(remains: Remains): Promise<void>;
};

/** Deleting a team: its rows go with it by reference, the log stays. */
export function teamPerformers({ database, notifier, bury, ended }: Parts): Performers {
  return {
    async 'teams.destroy'({ actor, record, ifVersion }: Call) {
      const { id, name, personal } = valuesOf(team, record!) as {
        id: string;
        name: string;
        personal: boolean;
      };
      if (personal) {
        throw new KyozoError('conflict', 'A personal team goes with its account only.');
      }
      const gone = await database.transaction(actor, async (transaction) => {
        const ids = async (fragment: Parameters<typeof transaction.rows>[0]) =>
          (await transaction.rows<{ id: string }>(fragment)).map((row) => row.id);
        // Holds off whoever would add to the team meanwhile, so that nothing is missed.
        await transaction.rows(sql`select from teams where id = ${id} for update`);
        const members = await ids(sql`select user_id as id from user_teams where team_id = ${id}`);
        const workspaces = await ids(sql`select id from workspaces`);
        const notebooks = await ids(sql`select id from notebooks`);
        const event = team.events.destroy;
        const change = { kind: 'delete' as const, resource: team, id, values: {}, event };
        const [row] = await transaction.text(changeStatement(actor, change, ifVersion));
        if (!row) throw ifVersion === undefined ? notFound() : stale();
        const others = members.filter((member) => member !== actor.userId);
        for (const member of others) {
          await notifier.tell(transaction, member, 'team.deleted', null, { team: name });
        }
        const remains = { teamId: id, workspaces, notebooks };
        await bury(remains, transaction);
        return { others, remains };
      });
      notifier.wake(database, ...gone.others);
      await ended(gone.remains);
      return {};
    },
  };
}
