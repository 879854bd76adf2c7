import { type Actor, notFound } from '@kyozo/resource';
import { type Queries, type Tenant, type Transaction, together } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement, type Signer } from '../database/write.ts';
import type { FileChange, Person } from '../storage/git.ts';
import type { Storages } from '../storage/storages.ts';
import { fromStorage } from './content-store.ts';
import { workspace } from './workspace.ts';

/** Who writes: a person, or the server in a team's name. */
export type Writer = Actor | (Tenant & { userId?: undefined });

/** What a change of the tree is to be, once the workspace's row is held. */
export type Plan<Result> = {
  message: string;
  authors: readonly Person[];
  changes: FileChange[];
  apply: (commit: string | undefined) => Promise<Result>;
};

/**
 * Plans with the workspace's row locked, writes the commit, and makes both true in one transaction,
 * which ends when the commit is durable.
 * @throws KyozoError `not_found` for no such workspace, and what the plan throws
 */
export async function commitTree<Result>(
  database: Queries,
  storages: Storages,
  writer: Writer,
  workspaceId: string,
  plan: (transaction: Transaction) => Promise<Plan<Result>>,
): Promise<Result> {
  let head: string | undefined;
  const result = await database.inTurn(writer, workspaceId, async (transaction) => {
    const [[locked], { changes, authors, message, apply }] = await together(
      transaction.rows<{ head_commit: string | null }>(
        sql`select head_commit from workspaces where id = ${workspaceId} for update`,
      ),
      plan(transaction),
    );
    if (!locked) throw notFound('There is no such workspace.');
    if (changes.length === 0) return apply(undefined);
    const [author, ...coAuthors] = authors;
    const { commit, durable } = await storages.git
      .prepare(workspaceId, {
        parent: locked.head_commit ?? undefined,
        changes,
        author: author!,
        coAuthors,
        message,
        date: new Date(),
      })
      .catch(fromStorage);
    head = commit;
    const [, applied] = await together(
      moveHead(transaction, writer, workspaceId, commit),
      apply(commit),
      durable.catch(fromStorage),
    );
    return applied;
  });
  // The ref follows; should this fail or be cut off, the next open repairs it from the database.
  const moved = head;
  if (moved)
    database.afterCommit(() => {
      void storages.git.setRef(workspaceId, 'refs/heads/main', moved).catch(() => undefined);
    });
  return result;
}

/** Makes a commit the head of `main`, with its event; the ref on disk follows. */
export async function moveHead(
  transaction: Transaction,
  signer: Signer,
  id: string,
  headCommit: string,
): Promise<void> {
  const event = { name: 'workspace.committed', version: 1 };
  const values = { headCommit };
  const change = { kind: 'update' as const, resource: workspace, id, values, event };
  await transaction.text(changeStatement(signer, change));
}
