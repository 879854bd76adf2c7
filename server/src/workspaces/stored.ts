import { KyozoError } from '@kyozo/resource';
import type { Transaction } from '../database/database.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { Backend } from '../storage/choose-backend.ts';
import type { Scope } from '../storage/storage.ts';
import type { Storages } from '../storage/storages.ts';
import { fromStorage } from './content-store.ts';

/** The lock that says: no collection removes this content, or: nobody comes to name it. */
export const contentLock = (teamId: string, address: Sql): Sql =>
  sql`hashtextextended(${`${teamId} `}::text || ${address}, 2)`;

/**
 * Before a transaction names content: sees that it is there, and that no collection removes it until the
 * transaction ends. Answers where it belongs when it lies elsewhere, else null; what the workspace has
 * chosen by now counts, so that nothing written during a move stays behind.
 * @throws KyozoError `unavailable` when it was removed between its store and now, or cannot be asked for
 */
export async function holdContent(
  transaction: Transaction,
  storages: Storages,
  scope: Scope,
  content: { backend: Backend; address: string; wanted: Backend },
): Promise<Backend | null> {
  const { backend, address, wanted } = content;
  if (backend === 'git') return null;
  const [workspace] = await transaction.rows<{ storage_backend: Backend | null }>(
    sql`select storage_backend from workspaces where id = ${scope.workspaceId} for share`,
  );
  await transaction.rows(
    sql`select pg_advisory_xact_lock_shared(${contentLock(scope.teamId, sql`${address}::text`)})`,
  );
  // In each of its places: a collection may have taken one of two copies.
  const places = storages.places.filter(({ serves }) => serves.includes(backend));
  const kept = await Promise.all(places.map((place) => place.has(scope.teamId, address))).catch(
    fromStorage,
  );
  if (kept.includes(false))
    throw new KyozoError('unavailable', 'The content was not kept; send it again.');
  const home = workspace?.storage_backend ?? wanted;
  return home === backend ? null : home;
}
