import { type Actor, authorize, invalid } from '@kyozo/resource';
import type { Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { valuesOf } from '../records.ts';
import { checkPath } from '../storage/path-rules.ts';
import type { Workspaces } from './actions.ts';
import type { Said } from './content-store.ts';
import { file } from './file.ts';
import type { Placed } from './file-row.ts';
import { atPaths } from './file-row.ts';
import type { Fate } from './file-store.ts';
import { explainClash } from './path-clash.ts';
import type { Body } from './spool.ts';

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
): Promise<Fate> {
  const { workspaceId, path } = where;
  requirePath(path);
  authorize(file, 'create', actor);
  const content = await workspaces.files.store(actor, where, body, said);
  const [fate] = await putTogether(workspaces, actor, workspaceId, [{ path, content }]);
  return fate!;
}

/**
 * The same for contents that were taken in, all in one version or none. `also` runs in the transaction
 * that makes them true. @throws KyozoError; which of several paths clashes is not said
 */
export async function putTogether(
  workspaces: Workspaces,
  actor: Actor,
  workspaceId: string,
  all: readonly Placed[],
  also: (transaction: Transaction, fates: readonly Fate[]) => Promise<unknown> = async () => {},
): Promise<Fate[]> {
  const { database, files, records, publishIfPossible, follow } = workspaces;
  authorize(file, 'create', actor);
  const paths = all.map(({ path }) => path);
  const found = await database.rows<{ id: string }>(
    actor,
    sql`select id from files where ${atPaths(workspaceId, paths)}`,
  );
  const ids = found.map(({ id }) => id);
  for (const row of await records.byId(actor, file, ids)) {
    authorize(file, 'write', actor, valuesOf(file, row));
    await publishIfPossible(actor, row.id);
  }
  const put = files.putAll(actor, workspaceId, all, also);
  const [path] = paths;
  const fates = await (paths.length === 1
    ? put.catch(explainClash(database, actor, workspaceId, path!))
    : put);
  for (const { id, outcome } of fates) if (outcome === 'changed') await follow(actor, id);
  return fates;
}

/** @throws KyozoError `invalid` for a path that could not be a file everywhere */
export function requirePath(path: string): void {
  const problem = checkPath(path);
  if (problem) throw invalid(problem.message, { pointer: '/data/attributes/path' });
}
