import { type Actor, KyozoError, personOf, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Call, Performers } from '../actions.ts';
import type { Database, Tenant, Transaction } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement, type Signer } from '../database/write.ts';
import type { Queue } from '../jobs/queue.ts';
import type { Backend } from '../storage/choose-backend.ts';
import { workspace } from '../workspaces/workspace.ts';
import { storageMove } from './storage-move.ts';

export type MoveRow = {
  id: string;
  workspace_id: string;
  user_id: string | null;
  backend: Backend;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  total: number | null;
  done: number;
  bytes: number;
  failures: number;
  former_backend: Backend | null;
};

/** What people ask of moves: to begin one, and to stop it. */
export function movePerformers(database: Database, queue: Queue): Performers {
  return {
    async 'workspaces.move-storage'({ actor, input, record }: Call) {
      const row = await begin(
        database,
        queue,
        actor,
        record!.id,
        input.arguments.backend as Backend,
      );
      return { row, resource: storageMove };
    },

    async 'storage-moves.cancel'({ actor, record }: Call) {
      return { row: await cancel(database, actor, record!.id) };
    },
  };
}

/** From here on new content goes to the new backend; the job moves what is there. */
function begin(
  database: Database,
  queue: Queue,
  actor: Actor,
  workspaceId: string,
  backend: Backend,
): Promise<Row> {
  return database.transaction(actor, async (transaction) => {
    const [held] = await transaction.rows<{ storage_backend: Backend | null }>(
      sql`select storage_backend from workspaces where id = ${workspaceId} for update`,
    );
    const [open] = await transaction.rows(
      sql`select id from storage_moves
        where workspace_id = ${workspaceId} and status in ('queued', 'running')`,
    );
    if (open) throw new KyozoError('conflict', 'The workspace is being moved; cancel that first.');
    await choose(transaction, actor, workspaceId, backend);
    const id = uuidv7();
    const values = {
      ...{ teamId: actor.teamId, workspaceId, userId: personOf(actor), backend, status: 'queued' },
      formerBackend: held?.storage_backend ?? null,
    };
    const event = storageMove.events.queue;
    const change = { kind: 'insert' as const, resource: storageMove, id, values, event };
    const [row] = await transaction.text(changeStatement(actor, change));
    await queue.add('move-storage', { teamId: actor.teamId, moveId: id }, transaction);
    return rowOf({ resource: storageMove, sort: [] }, row!);
  });
}

function cancel(database: Database, actor: Actor, id: string): Promise<Row> {
  return database.transaction(actor, async (transaction) => {
    const move = await holdMove(transaction, id);
    if (!isOpen(move)) throw new KyozoError('conflict', 'The move has ended already.');
    await choose(transaction, actor, move.workspace_id, move.former_backend);
    return changeMove(transaction, actor, id, 'cancel', { status: 'cancelled', ...ended() });
  });
}

function choose(
  transaction: Transaction,
  signer: Signer,
  id: string,
  storageBackend: Backend | null,
): Promise<unknown> {
  const event = { name: 'workspace.storage-chosen', version: 1 };
  const change = { kind: 'update' as const, resource: workspace, id, values: { storageBackend } };
  return transaction.text(changeStatement(signer, { ...change, event }));
}

/** A move's row, held until the transaction ends; its workspace's row before it, as everywhere. */
export async function holdMove(transaction: Transaction, id: string): Promise<MoveRow | undefined> {
  await transaction.rows(
    sql`select from workspaces where id = (select workspace_id from storage_moves where id = ${id}) for update`,
  );
  const [row] = await transaction.rows<MoveRow>(
    sql`select id, workspace_id, user_id, backend, status, total, done, bytes::float8 as bytes,
        failures, former_backend
      from storage_moves where id = ${id} for update`,
  );
  return row;
}

export const isOpen = (move: MoveRow | undefined): move is MoveRow =>
  move?.status === 'queued' || move?.status === 'running';

export const ended = () => ({ finishedAt: new Date().toISOString() });

export async function changeMove(
  transaction: Transaction,
  signer: Signer,
  id: string,
  action: 'progress' | 'finish' | 'cancel',
  values: Values,
): Promise<Row> {
  const event = storageMove.events[action];
  const change = { kind: 'update' as const, resource: storageMove, id, values, event };
  const [row] = await transaction.text(changeStatement(signer, change));
  return rowOf({ resource: storageMove, sort: [] }, row!);
}

/** Changes a move that is still open, in the name of who asked for it; false when it has ended meanwhile. */
export function stepMove(
  database: Database,
  tenant: Tenant,
  id: string,
  action: 'progress' | 'finish',
  values: (move: MoveRow) => Values,
): Promise<MoveRow | undefined> {
  return database.transaction(tenant, async (transaction) => {
    const move = await holdMove(transaction, id);
    if (!isOpen(move)) return undefined;
    const signer = { ...tenant, userId: move.user_id ?? undefined };
    await changeMove(transaction, signer, id, action, values(move));
    return move;
  });
}
