import type { Database, Tenant, Transaction } from '../database/database.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { Backend } from '../storage/choose-backend.ts';
import { StorageError } from '../storage/errors.ts';
import type { Storages } from '../storage/storages.ts';
import { holdContent } from '../workspaces/stored.ts';

type Parts = { database: Database; storages: Storages };
/** One content of a workspace, and where it is to go. */
export type Journey = {
  workspaceId: string;
  /** Also the SHA-256: what lies outside git is named by it. */
  address: string;
  from: Backend;
  to: Backend;
};

/**
 * Moves one content of a workspace: a copy that has been read back, then all rows of the workspace in one
 * transaction, with their events. The old place keeps it until the collection finds that nobody names it
 * any more; so a kill at any moment leaves it named where it lies. Done twice it changes nothing.
 * Errors: those of `Storages.move`.
 */
export async function relocate(parts: Parts, tenant: Tenant, journey: Journey): Promise<void> {
  const { workspaceId, address, from, to } = journey;
  const scope = { teamId: tenant.teamId, workspaceId };
  // The same: it lies at home by now, and only its rows have to say so.
  if (from !== to) await parts.storages.move(scope, address, from, to);
  await parts.database.transaction(tenant, async (transaction) => {
    const place = { backend: to, address, wanted: to };
    const home = await holdContent(transaction, parts.storages, scope, place);
    await repoint(transaction, tenant, journey, home);
    if (from === to) return;
    await transaction.rows(
      sql`insert into former_places (team_id, address, storage_backend)
        values (${tenant.teamId}, ${address}, ${from})
        on conflict (team_id, address, storage_backend) do update set left_at = now()`,
    );
  });
}

/** A file's newest version and the file's own row say the same, so they change together. */
async function repoint(
  transaction: Transaction,
  { teamId }: Tenant,
  { workspaceId, address, from, to }: Journey,
  home: Backend | null,
): Promise<void> {
  const own = sql`(select id from files where team_id = ${teamId} and workspace_id = ${workspaceId})`;
  const found = sql`team_id = ${teamId} and storage_backend = ${from}`;
  // As every writer does: first the file, then what belongs to it.
  await logged(
    transaction,
    { resource: 'files', event: 'file.relocated' },
    sql`update files set storage_backend = ${to}, updated_at = now()
      where ${found} and workspace_id = ${workspaceId} and address = ${address} returning *`,
  );
  await logged(
    transaction,
    { resource: 'file-versions', event: 'file-version.relocated' },
    sql`update file_versions set storage_backend = ${to}, home_backend = ${home}
      where ${found} and sha256 = ${address} and file_id in ${own} returning *`,
  );
  await logged(
    transaction,
    { resource: 'pictures', event: 'picture.relocated' },
    sql`update pictures set storage_backend = ${to}, home_backend = ${home}, updated_at = now()
      where ${found} and address = ${address} and file_id in ${own} returning *`,
  );
  await transaction.rows(
    sql`update lfs_objects set storage_backend = ${to}, home_backend = ${home}
      where ${found} and sha256 = ${address} and workspace_id = ${workspaceId}`,
  );
}

/** A change of several rows, with an event for each. */
function logged(
  transaction: Transaction,
  { resource, event }: { resource: string; event: string },
  change: Sql,
): Promise<unknown> {
  return transaction.rows(
    sql`with row as (${change})
      insert into events (id, team_id, resource, record_id, name, version, state)
      select new_id(), team_id, ${resource}, id, ${event}, 1, to_jsonb(row) from row`,
  );
}

/** What a workspace keeps outside git and not at `to`: each content once for each place, in the order of addresses. */
export const strangers = (teamId: string, workspaceId: string, to: Backend): Sql =>
  sql`select v.sha256 as address, v.storage_backend as "from", max(v.size)::float8 as size
      from file_versions v join files f on f.team_id = v.team_id and f.id = v.file_id
      where v.team_id = ${teamId} and f.workspace_id = ${workspaceId}
        and v.storage_backend not in ('git', ${to}) group by 1, 2
    union select m.address, m.storage_backend, m.size::float8
      from pictures m join files f on f.team_id = m.team_id and f.id = m.file_id
      where m.team_id = ${teamId} and f.workspace_id = ${workspaceId} and m.storage_backend <> ${to}
    union select sha256, storage_backend, size::float8 from lfs_objects
      where team_id = ${teamId} and workspace_id = ${workspaceId}
        and storage_backend not in ('git', ${to})`;

/** What another look may find different: the backend was down or full. */
export const isPassing = (error: unknown): boolean =>
  error instanceof StorageError &&
  (error.code === 'storage_unavailable' || error.code === 'storage_full');
