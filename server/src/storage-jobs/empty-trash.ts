import type { Database, Tenant, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { file } from '../workspaces/file.ts';
import { workspace } from '../workspaces/workspace.ts';

type Bury = (workspaceId: string, transaction: Transaction) => Promise<void>;

/**
 * Removes a team's files and workspaces that have been in the trash for more than `days`, each with its
 * event; answers how many. `bury` removes what a workspace keeps outside the database.
 */
export async function emptyTrash(
  database: Database,
  tenant: Tenant,
  days: number,
  bury: Bury,
): Promise<number> {
  const files = await emptyFiles(database, tenant, days);
  const old = await database.rows<{ id: string }>(
    tenant,
    sql`select id from workspaces where team_id = ${tenant.teamId}
      and deleted_at < now() - ${days} * interval '1 day'`,
  );
  let count = files;
  for (const { id } of old)
    if (await purge(database, tenant, workspace, id, days, bury)) count += 1;
  return count;
}

async function emptyFiles(database: Database, tenant: Tenant, days: number): Promise<number> {
  let count = 0;
  for (;;) {
    const old = await database.rows<{ id: string }>(
      tenant,
      sql`select id from files where team_id = ${tenant.teamId}
        and deleted_at < now() - ${days} * interval '1 day' order by deleted_at limit 100`,
    );
    if (old.length === 0) return count;
    for (const { id } of old) if (await purge(database, tenant, file, id, days)) count += 1;
  }
}

function purge(
  database: Database,
  tenant: Tenant,
  resource: typeof file | typeof workspace,
  id: string,
  days: number,
  bury?: Bury,
): Promise<boolean> {
  return database.transaction(tenant, async (transaction) => {
    // It may have been restored meanwhile.
    const [still] = await transaction.rows(
      sql`select id from ${sql.table(resource.table)} where id = ${id} and deleted_at < now() - ${days} * interval '1 day' for update`,
    );
    if (!still) return false;
    const change = { kind: 'delete' as const, resource, id, values: {} };
    await transaction.text(changeStatement(tenant, { ...change, event: resource.events.purge }));
    await bury?.(id, transaction);
    return true;
  });
}
