import { KyozoError } from '@kyozo/resource';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';

/** Why a run, or a whole session, ends that nobody cancelled. */
export type Ending = 'trashed' | 'archived' | 'removed';
/** A notebook, and the person who runs it, where it is a person. */
export type Asked = { notebookId: string; person?: string };

const sentences: Record<Ending, string> = {
  trashed: 'The file is in the trash, so its cells do not run.',
  archived: 'The workspace is archived, so its cells do not run.',
  removed: 'You are no longer a member of the team.',
};

/**
 * Why runs of a team may not go on, by place in the list; undefined for those that may: a file or its
 * workspace in the trash, an archived workspace, a person who has left. The one place of this rule: it is asked before a
 * run is taken, when its turn comes, and again while it runs, because another node, a push or a crash
 * can change the answer at any time.
 */
export async function endingsOf(
  database: Database,
  teamId: string,
  asked: readonly Asked[],
): Promise<(Ending | undefined)[]> {
  const tenant = { teamId };
  const [notebooks, members] = await Promise.all([
    database.rows<{ id: string; archived_at: Date | null }>(
      tenant,
      sql`select n.id, w.archived_at from notebooks n join files f on f.id = n.file_id
        join workspaces w on w.id = f.workspace_id
        where f.deleted_at is null and w.deleted_at is null and n.id = any(${asked.map((one) => one.notebookId)}::uuid[])`,
    ),
    database.rows<{ user_id: string }>(
      tenant,
      sql`select user_id from user_teams
        where user_id = any(${asked.flatMap((one) => one.person ?? [])}::uuid[])`,
    ),
  ]);
  const open = new Map(notebooks.map((row) => [row.id, row.archived_at]));
  const present = new Set(members.map((row) => row.user_id));
  return asked.map(({ notebookId, person }) => {
    if (person !== undefined && !present.has(person)) return 'removed';
    if (!open.has(notebookId)) return 'trashed';
    return open.get(notebookId) ? 'archived' : undefined;
  });
}

/** @throws KyozoError `conflict` when the run may not begin */
export async function mustBeOpen(database: Database, teamId: string, asked: Asked): Promise<void> {
  const [ending] = await endingsOf(database, teamId, [asked]);
  if (ending) throw new KyozoError('conflict', sentences[ending]);
}
