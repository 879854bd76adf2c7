import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';

/** What may be done in a document: all, reading, or nothing, because it is in the trash or gone for good. */
export type Standing = 'open' | 'archived' | 'trashed' | 'gone';

type Found = { id: string; archived: boolean; trashed: boolean };

/** The standing of files of one team, by their ids, in one query. */
export async function standings(
  database: Database,
  teamId: string,
  fileIds: readonly string[],
): Promise<(fileId: string) => Standing> {
  const rows = await database.rows<Found>(
    { teamId },
    sql`select f.id, w.archived_at is not null as archived,
        coalesce(f.deleted_at, w.deleted_at) is not null as trashed
      from files f join workspaces w on w.id = f.workspace_id where f.id = any(${[...fileIds]}::uuid[])`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return (fileId) => {
    const row = byId.get(fileId);
    if (!row) return 'gone';
    if (row.trashed) return 'trashed';
    return row.archived ? 'archived' : 'open';
  };
}
