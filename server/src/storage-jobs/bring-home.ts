import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Storages } from '../storage/storages.ts';
import { isPassing, type Journey, relocate } from './relocate.ts';

/**
 * Moves a team's contents back that another backend has taken because theirs was down. One that is still
 * down is left for the next time; answers how many came home. What cannot be moved, damaged as it is,
 * does not keep the others away.
 */
export async function bringHome(
  parts: { database: Database; storages: Storages },
  tenant: Tenant,
  signal?: AbortSignal,
): Promise<{ moved: number; failed: unknown[] }> {
  const down = new Set<string>();
  const failed: unknown[] = [];
  let moved = 0;
  for (const journey of await journeys(parts.database, tenant)) {
    signal?.throwIfAborted();
    if (down.has(journey.to)) continue;
    try {
      await relocate(parts, tenant, journey);
      moved += 1;
    } catch (error) {
      if (isPassing(error)) down.add(journey.to);
      else failed.push(error);
    }
  }
  return { moved, failed };
}

function journeys(database: Database, { teamId }: Tenant): Promise<Journey[]> {
  return database.rows<Journey>(
    { teamId },
    sql`select f.workspace_id as "workspaceId", v.sha256 as address,
        v.storage_backend as "from", coalesce(w.storage_backend, v.home_backend) as "to"
      from file_versions v join files f on f.team_id = v.team_id and f.id = v.file_id
        join workspaces w on w.team_id = f.team_id and w.id = f.workspace_id
      where v.team_id = ${teamId} and v.home_backend is not null
      union select f.workspace_id, m.address, m.storage_backend, coalesce(w.storage_backend, m.home_backend)
      from pictures m join files f on f.team_id = m.team_id and f.id = m.file_id
        join workspaces w on w.team_id = f.team_id and w.id = f.workspace_id
      where m.team_id = ${teamId} and m.home_backend is not null
      union select l.workspace_id, l.sha256, l.storage_backend, coalesce(w.storage_backend, l.home_backend)
      from lfs_objects l join workspaces w on w.team_id = l.team_id and w.id = l.workspace_id
      where l.team_id = ${teamId} and l.home_backend is not null`,
  );
}
