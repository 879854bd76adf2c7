import { createHash } from 'node:crypto';
import { v4 as uuidv4 } from 'uuid';
import type { Database, Tenant, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Backend } from '../storage/choose-backend.ts';
import { StorageError } from '../storage/errors.ts';
import type { Storages } from '../storage/storages.ts';

type Content = {
  id: string;
  workspace_id: string;
  storage_backend: Backend;
  address: string;
  sha256: string;
  size: number;
};
/** What a look at a team's contents has found; bytes are those that were read. */
export type Checked = {
  checked: number;
  bytes: number;
  damaged: string[];
  missing: string[];
  /** Those whose backend was down: nothing is known of them. */
  unreachable: number;
};

const page = 200;

/**
 * Reads contents of a team's versions back and compares their SHA-256, until all were read or `seconds`
 * are over. It begins anywhere, so that what one look leaves out another finds. Faults are ids of versions.
 */
export async function checkContents(
  { database, storages }: { database: Database; storages: Storages },
  tenant: Tenant,
  seconds: number,
  signal?: AbortSignal,
): Promise<Checked> {
  const found: Checked = { checked: 0, bytes: 0, damaged: [], missing: [], unreachable: 0 };
  const end = performance.now() + seconds * 1_000;
  const start = uuidv4().replaceAll('-', '').padEnd(64, '0');
  for await (const content of contents(database, tenant, start)) {
    signal?.throwIfAborted();
    if (performance.now() > end) break;
    found.checked += 1;
    const fault = await read(storages, tenant, content);
    if (fault === 'unreachable') found.unreachable += 1;
    else if (fault) found[fault].push(content.id);
    else found.bytes += content.size;
  }
  return found;
}

/** Each content once for each workspace and backend, by its hash, from `start` on and then round to it. */
async function* contents(
  database: Database,
  tenant: Tenant,
  start: string,
): AsyncIterable<Content> {
  for (const [from, to] of [
    [start, 'g'],
    ['', start],
  ] as const) {
    let last = from;
    for (;;) {
      const names = await database.rows<{ sha256: string }>(
        tenant,
        sql`select distinct sha256 from file_versions where team_id = ${tenant.teamId}
          and sha256 > ${last} and sha256 < ${to} order by sha256 limit ${page}`,
      );
      if (names.length === 0) break;
      last = names.at(-1)!.sha256;
      yield* await database.rows<Content>(
        tenant,
        sql`select distinct on (f.workspace_id, v.storage_backend, v.address)
            v.id, f.workspace_id, v.storage_backend, v.address, v.sha256, v.size::float8 as size
          from file_versions v join files f on f.team_id = v.team_id and f.id = v.file_id
          where v.team_id = ${tenant.teamId} and v.sha256 = any(${names.map((row) => row.sha256)})`,
      );
    }
  }
}

async function read(
  storages: Storages,
  { teamId }: Tenant,
  { workspace_id: workspaceId, storage_backend: backend, address, sha256 }: Content,
): Promise<'damaged' | 'missing' | 'unreachable' | undefined> {
  const hash = createHash('sha256');
  try {
    const body = await storages.for(backend).get({ teamId, workspaceId }, address);
    for await (const chunk of body) hash.update(chunk as Uint8Array);
  } catch (error) {
    const code = error instanceof StorageError ? error.code : 'storage_damaged';
    if (code === 'storage_not_found') return 'missing';
    return code === 'storage_damaged' ? 'damaged' : 'unreachable';
  }
  return hash.digest('hex') === sha256 ? undefined : 'damaged';
}

/** Keeps what was found, and tells the team's owners and admins of faults; answers whom. */
export async function recordCheck(
  transaction: Transaction,
  { teamId }: Tenant,
  { checked, bytes, damaged, missing, unreachable }: Checked,
): Promise<string[]> {
  const versions = [...damaged, ...missing].slice(0, 100);
  await transaction.rows(
    sql`insert into storage_health (team_id, checked, bytes, damaged, missing, unreachable, versions)
      values (${teamId}, ${checked}, ${bytes}, ${damaged.length}, ${missing.length}, ${unreachable},
        ${versions}::uuid[])
      on conflict (team_id) do update set checked = excluded.checked, bytes = excluded.bytes,
        damaged = excluded.damaged, missing = excluded.missing, unreachable = excluded.unreachable,
        versions = excluded.versions, checked_at = now()`,
  );
  if (versions.length === 0) return [];
  const [team] = await transaction.rows<{ name: string }>(
    sql`select name from teams where id = ${teamId}`,
  );
  const counts = { damaged: damaged.length, missing: missing.length };
  const data = JSON.stringify({ team: team?.name, ...counts, versions });
  const told = await transaction.rows<{ person: string }>(
    sql`select person from notify_admins('storage.damaged', ${data}::jsonb)`,
  );
  return told.map(({ person }) => person);
}
