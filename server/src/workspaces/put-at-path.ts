import { type Actor, authorize, invalid, KyozoError } from '@kyozo/resource';
import { sql } from '../database/sql.ts';
import { valuesOf } from '../records.ts';
import { checkPath } from '../storage/path-rules.ts';
import type { Workspaces } from './actions.ts';
import type { Said } from './content-store.ts';
import { file } from './file.ts';
import { explainClash } from './path-clash.ts';
import type { Body } from './spool.ts';

export type Put = { id: string; outcome: 'created' | 'changed' | 'same' };
type Where = { workspaceId: string; path: string };

/**
 * Puts content at a path of a workspace: a new file, or the next version of the one that is there.
 * @throws KyozoError as the actions `create` and `write` do
 */
export async function putAtPath(
  workspaces: Workspaces,
  actor: Actor,
  where: Where,
  body: Body,
  said: Said,
): Promise<Put> {
  const { database, files, records, publish, follow } = workspaces;
  requirePath(where.path);
  authorize(file, 'create', actor);
  const stored = await files.store(actor, where, body, said);
  const found = async () => {
    const [row] = await database.rows<{ id: string }>(
      actor,
      sql`select id from files where workspace_id = ${where.workspaceId}
        and path = ${where.path} and deleted_at is null`,
    );
    return row?.id;
  };
  const write = async (id: string): Promise<Put> => {
    authorize(file, 'write', actor, valuesOf(file, await records.one(actor, file, id)));
    await publish(actor, id);
    const { changed } = await files.write(actor, id, stored);
    await follow(actor, id);
    return { id, outcome: changed ? 'changed' : 'same' };
  };
  const existing = await found();
  if (existing) return write(existing);
  const input = { values: { path: where.path, workspaceId: where.workspaceId }, arguments: {} };
  const values = { ...input.values, ...file.actions.create.change(input) };
  try {
    const clash = explainClash(database, actor, where.workspaceId, where.path);
    return { id: (await files.create(actor, values, stored).catch(clash)).id, outcome: 'created' };
  } catch (error) {
    // Another was quicker.
    const made = error instanceof KyozoError && error.code === 'conflict' && (await found());
    if (!made) throw error;
    return write(made);
  }
}

/** @throws KyozoError `invalid` for a path that could not be a file everywhere */
export function requirePath(path: string): void {
  const problem = checkPath(path);
  if (problem) throw invalid(problem.message, { pointer: '/data/attributes/path' });
}
