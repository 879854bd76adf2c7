import { type Database, noTeam } from '../database/database.ts';
import { sql } from '../database/sql.ts';

/** Every team, in no order that means anything; those made meanwhile may be missed. */
export async function* allTeams(database: Database): AsyncIterable<string> {
  let last = noTeam.teamId;
  for (;;) {
    const teams = await database.system<{ team_id: string }>(
      sql`select team_id from teams_after(${last}::uuid, 500)`,
    );
    if (teams.length === 0) return;
    for (const { team_id: teamId } of teams) yield teamId;
    last = teams.at(-1)!.team_id;
  }
}
