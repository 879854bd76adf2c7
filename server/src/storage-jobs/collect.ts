import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Backend } from '../storage/choose-backend.ts';
import type { Place, Storages } from '../storage/storages.ts';
import { contentLock } from '../workspaces/stored.ts';

type Parts = { database: Database; storages: Storages };
export type Collected = {
  /** Blobs that were removed, and their bytes as they lay. */
  removed: number;
  bytes: number;
  /** Places that could not be asked; the next collection looks again. */
  failed: unknown[];
};

/** Blobs looked at in one transaction: who comes to name one of them waits as long. */
const step = 100;

/**
 * Removes a team's blobs that no row names and that were last stored more than `grace` seconds ago. Each
 * is locked and asked for once more before it goes; whoever names content looks under the same lock
 * whether it is there, so nothing that is named is ever removed. Git is left alone.
 */
export async function collect(
  parts: Parts,
  tenant: Tenant,
  grace: number,
  signal?: AbortSignal,
): Promise<Collected> {
  const before = new Date(Date.now() - grace * 1_000);
  const collected: Collected = { removed: 0, bytes: 0, failed: [] };
  await parts.database.rows(tenant, sql`delete from former_places where left_at < ${before}`);
  for (const place of parts.storages.places) {
    const old = new Map<string, number>();
    const sweep = async () => {
      signal?.throwIfAborted();
      const names = await removeUnnamed(parts.database, tenant, place, [...old.keys()]);
      collected.removed += names.length;
      for (const name of names) collected.bytes += old.get(name)!;
      old.clear();
    };
    try {
      for await (const { name, size, storedAt } of place.list(tenant.teamId)) {
        if (storedAt > before) continue;
        old.set(name, size);
        if (old.size === step) await sweep();
      }
      if (old.size > 0) await sweep();
    } catch (error) {
      signal?.throwIfAborted();
      collected.failed.push(error);
    }
  }
  return collected;
}

function removeUnnamed(
  database: Database,
  tenant: Tenant,
  place: Place,
  names: readonly string[],
): Promise<string[]> {
  const { teamId } = tenant;
  return database.transaction(tenant, async (transaction) => {
    // Whoever holds one is about to name it: it is not waited for, but left.
    const free = await transaction.rows<{ name: string }>(
      sql`select name from unnest(${names}::text[]) as names (name)
        where pg_try_advisory_xact_lock(${contentLock(teamId, sql`name`)})`,
    );
    const asked = free.map(({ name }) => name);
    const rows = await transaction.rows<{ address: string; storage_backend: Backend }>(
      sql`select sha256 as address, storage_backend from file_versions
          where team_id = ${teamId} and sha256 = any(${asked})
        union select sha256, storage_backend from lfs_objects
          where team_id = ${teamId} and sha256 = any(${asked})
        union select address, storage_backend from pictures
          where team_id = ${teamId} and address = any(${asked})
        union select address, storage_backend from former_places
          where team_id = ${teamId} and address = any(${asked})`,
    );
    const named = Map.groupBy(rows, ({ address }) => address);
    const gone = await Promise.all(
      asked.map(async (name) => {
        const backends = (named.get(name) ?? []).map((row) => row.storage_backend);
        if (await isNeeded(place, tenant, name, backends)) return [];
        await place.remove(teamId, name);
        return [name];
      }),
    );
    return gone.flat();
  });
}

async function isNeeded(
  { serves, standsIn }: Place,
  { teamId }: Tenant,
  name: string,
  backends: readonly Backend[],
): Promise<boolean> {
  if (backends.some((backend) => serves.includes(backend))) return true;
  if (!standsIn || !backends.includes(standsIn.backend)) return false;
  // One that cannot be asked might not have it.
  return !(await standsIn.has(teamId, name).catch(() => false));
}
