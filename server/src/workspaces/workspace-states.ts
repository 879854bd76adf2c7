import { changeOf, KyozoError, notFound } from '@kyozo/resource';
import { type Call, type Performers, stale } from '../actions.ts';
import type { Queries, Transaction } from '../database/database.ts';
import { rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { workspace } from './workspace.ts';

/** A workspace that people can no longer change, or that is gone. */
export type ClosedWorkspace = { teamId: string; workspaceId: string; notebooks: string[] };

type Parts = {
  database: Queries;
  /** Ends what is open in it: documents and sessions of its notebooks. */
  closed(closed: ClosedWorkspace): void;
};

/** Archiving, the trash, and the way back: changes of one row that end what is open in the workspace. */
export function workspaceStates({ database, closed }: Parts): Performers {
  const close = (name: 'archive' | 'destroy') => async (call: Call) => {
    const { actor, input, record, ifVersion } = call;
    const left = { teamId: actor.teamId, workspaceId: record!.id };
    const notebooks = await notebooksIn(database, left);
    const change = changeOf(workspace, name, record!.id, input, actor, new Date().toISOString());
    const [row] = await database.text(actor, changeStatement(actor, change, ifVersion));
    if (!row) throw ifVersion === undefined ? notFound() : stale();
    database.afterCommit(() => closed({ ...left, notebooks }));
    return name === 'destroy' ? {} : { row: rowOf({ resource: workspace, sort: [] }, row) };
  };
  return { 'workspaces.archive': close('archive'), 'workspaces.destroy': close('destroy') };
}

/** Removing a workspace for good: its rows go by reference, its repository by a job, its content at night. */
export function workspacePurge(
  parts: Parts & { bury(closed: ClosedWorkspace, transaction: Transaction): Promise<void> },
): Performers {
  const { database, closed, bury } = parts;
  return {
    async 'workspaces.purge'({ actor, record, ifVersion }: Call) {
      const { id } = record!;
      const left = { teamId: actor.teamId, workspaceId: id };
      const notebooks = await notebooksIn(database, left);
      await database.transaction(actor, async (transaction) => {
        const [found] = await transaction.rows<{ deleted_at: Date | null }>(
          sql`select deleted_at from workspaces where id = ${id} for update`,
        );
        if (found && !found.deleted_at)
          throw new KyozoError('conflict', 'Only a workspace in the trash can be removed.');
        const event = workspace.events.purge;
        const change = { kind: 'delete' as const, resource: workspace, id, values: {}, event };
        const [row] = await transaction.text(changeStatement(actor, change, ifVersion));
        if (!row) throw ifVersion === undefined ? notFound() : stale();
        await bury({ ...left, notebooks }, transaction);
      });
      closed({ ...left, notebooks });
      return {};
    },
  };
}

/** The notebooks of a workspace, asked for before people no longer see them. */
async function notebooksIn(
  database: Queries,
  { teamId, workspaceId }: Omit<ClosedWorkspace, 'notebooks'>,
): Promise<string[]> {
  const rows = await database.rows<{ id: string }>(
    { teamId },
    sql`select n.id from notebooks n join files f on f.id = n.file_id where f.workspace_id = ${workspaceId}`,
  );
  return rows.map(({ id }) => id);
}
