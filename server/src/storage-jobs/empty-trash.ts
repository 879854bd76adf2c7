import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { file } from '../workspaces/file.ts';

/** Removes a team's files that have been in the trash for more than `days`, each with its event; answers how many. */
export async function emptyTrash(
  database: Database,
  tenant: Tenant,
  days: number,
): Promise<number> {
  let count = 0;
  for (;;) {
    const old = await database.rows<{ id: string }>(
      tenant,
      sql`select id from files where team_id = ${tenant.teamId}
        and deleted_at < now() - ${days} * interval '1 day' order by deleted_at limit 100`,
    );
    if (old.length === 0) return count;
    for (const { id } of old) if (await purge(database, tenant, id, days)) count += 1;
  }
}

function purge(database: Database, tenant: Tenant, id: string, days: number): Promise<boolean> {
  return database.transaction(tenant, async (transaction) => {
    // It may have been restored meanwhile.
    const [still] = await transaction.rows(
      sql`select id from files where id = ${id} and deleted_at < now() - ${days} * interval '1 day' for update`,
    );
    if (!still) return false;
    const change = { kind: 'delete' as const, resource: file, id, values: {} };
    await transaction.text(changeStatement(tenant, { ...change, event: file.events.purge }));
    return true;
  });
}
