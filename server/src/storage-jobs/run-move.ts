import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Backend } from '../storage/choose-backend.ts';
import { StorageError } from '../storage/errors.ts';
import type { Storages } from '../storage/storages.ts';
import { isPassing, relocate, strangers } from './relocate.ts';
import { ended, stepMove } from './storage-moves.ts';

type Parts = { database: Database; storages: Storages; changed(teamId: string): void };
type Stranger = { address: string; from: Backend; size: number };

/** Contents between two reports. */
const step = 20;
/** Reports are at least this far apart, in milliseconds. */
const pace = 500;
/** Beginnings after which a move gives up. */
const mostFailures = 8;

/**
 * Moves what a workspace keeps outside git and elsewhere, content by content, until nothing is left or the
 * move was cancelled. It resumes by looking what is left, so a second try goes on where the first ended.
 * @throws whatever failed, to be tried again; after eight times the move has failed instead
 */
export async function runMove(
  parts: Parts,
  tenant: Tenant,
  moveId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await moveAll(parts, tenant, moveId, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(await isFinal(parts.database, tenant, moveId, error))) throw error;
    const reason = error instanceof StorageError ? error.message : 'Something went wrong.';
    await stepMove(parts.database, tenant, moveId, 'finish', () => ({
      ...{ status: 'failed', reason },
      ...ended(),
    }));
  } finally {
    parts.changed(tenant.teamId);
  }
}

async function moveAll(
  { database, storages, changed }: Parts,
  tenant: Tenant,
  moveId: string,
  signal: AbortSignal,
): Promise<void> {
  const move = await stepMove(database, tenant, moveId, 'progress', ({ status }) => ({
    status: 'running',
    ...(status === 'queued' && { startedAt: new Date().toISOString() }),
  }));
  if (!move) return;
  const { workspace_id: workspaceId, backend: to } = move;
  let [moved, bytes, told] = [0, 0, 0];
  /** Says how far it is; false once it was cancelled. */
  const report = async (left: number): Promise<boolean> => {
    const values = { done: moved, bytes };
    [moved, bytes, told] = [0, 0, performance.now()];
    const open = await stepMove(database, tenant, moveId, 'progress', (row) => ({
      done: row.done + values.done,
      bytes: row.bytes + values.bytes,
      total: row.done + values.done + left,
    }));
    changed(tenant.teamId);
    return open !== undefined;
  };
  for (;;) {
    // Written before the workspace's choice was known to its writer; the next look finds it.
    const all = await database.rows<Stranger>(tenant, strangers(tenant.teamId, workspaceId, to));
    if (!(await report(all.length))) return;
    if (all.length === 0) break;
    for (const [at, { address, from, size }] of all.entries()) {
      signal.throwIfAborted();
      const journey = { workspaceId, address, from, to };
      await relocate({ database, storages }, tenant, journey).catch(async (error: unknown) => {
        // What has been moved counts, whatever stopped here.
        await report(all.length - at);
        throw error;
      });
      moved += 1;
      bytes += size;
      const due = moved >= step || performance.now() - told > pace;
      if (due && !(await report(all.length - at - 1))) return;
    }
  }
  await stepMove(database, tenant, moveId, 'finish', () => ({ status: 'succeeded', ...ended() }));
}

/** What passes is tried again, some times; what is damaged or gone does not come back. */
async function isFinal(
  database: Database,
  tenant: Tenant,
  moveId: string,
  error: unknown,
): Promise<boolean> {
  if (error instanceof StorageError && !isPassing(error)) return true;
  const [row] = await database.rows<{ failures: number }>(
    tenant,
    sql`update storage_moves set failures = failures + 1 where id = ${moveId} returning failures`,
  );
  return (row?.failures ?? 0) >= mostFailures;
}
