import { KyozoError, notFound } from '@kyozo/resource';
import { type Call, type Performers, stale } from '../actions.ts';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { valuesOf } from '../records.ts';
import { notify } from './notify.ts';
import { team } from './team.ts';

/** What a deleted team leaves outside the database. */
export type Remains = { teamId: string; workspaces: string[]; notebooks: string[] };

type Parts = {
  database: Database;
  told(person: string): void;
  /** Closes what is open of a team, and removes what it kept outside the database. */
  buried(remains: Remains): Promise<void>;
};

/** Deleting a team: its rows go with it by reference, the log stays. */
export function teamPerformers({ database, told, buried }: Parts): Performers {
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
          await notify(transaction, member, 'team.deleted', null, { team: name });
        }
        return { others, remains: { teamId: id, workspaces, notebooks } };
      });
      for (const member of gone.others) told(member);
      await buried(gone.remains);
      return {};
    },
  };
}
