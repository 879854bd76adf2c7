import { type Actor, scopeAllows } from '@kyozo/resource';
import type { LiveDocuments } from '../collaboration/live-documents.ts';
import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { FileStore } from '../workspaces/file-store.ts';
import { readRepository } from '../workspaces/push-refs.ts';
import type { GitTarget } from './git-http.ts';

type Parts = { database: Database; files: FileStore; documents: LiveDocuments };

/**
 * The repository that a git address names, when the person is a member and the key is of that team.
 * When it must be `fresh`, what is typed and not yet a version becomes one first, so that a clone holds
 * what the editors show.
 */
export async function locate(
  actor: Actor,
  teamSlug: string,
  workspaceSlug: string,
  fresh: boolean,
  { database, files, documents }: Parts,
): Promise<GitTarget | undefined> {
  const [found] = await database.rows<{ team_id: string; workspace_id: string }>(
    actor,
    // A key is of one team, and row-level security shows that one only.
    actor.credential.kind === 'key'
      ? sql`select t.id as team_id, w.id as workspace_id from teams t join workspaces w on w.team_id = t.id
          where t.slug = ${teamSlug} and w.slug = ${workspaceSlug} and w.deleted_at is null`
      : sql`select * from locate_workspace(${actor.userId}, ${teamSlug}, ${workspaceSlug})`,
  );
  if (!found || !scopeAllows(actor, 'files', 'read')) return undefined;
  const tenant: Tenant = { teamId: found.team_id };
  const { workspace_id: workspaceId } = found;
  if (fresh) {
    await documents.publishAll(tenant.teamId, workspaceId);
    await files.commitEmpty(tenant, workspaceId);
  }
  const state = await readRepository(database, tenant, workspaceId);
  if (!state) return undefined;
  return { ...tenant, workspaceId, ...state, mayWrite: scopeAllows(actor, 'files', 'write') };
}
