import { basename } from 'node:path';
import type { Resource, Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { changeStatement, type Signer } from '../database/write.ts';
import type { FileRow } from './content-store.ts';
import type { Follower } from './file-store.ts';
import type { Found, TaskValues } from './find-notebook.ts';
import { notebook } from './notebook.ts';
import { task } from './task.ts';

type TaskRow = {
  id: string;
  name: string;
  language: string;
  source: string;
  attributes: unknown;
  depends_on: string[];
  position: number;
};
/** Keeps notebooks and tasks what the Markdown says, in the transaction that writes it. */
export const followNotebook: Follower = (transaction, signer, file, { found }) =>
  follow(transaction, signer, file, found);

async function follow(
  transaction: Transaction,
  signer: Signer,
  file: FileRow,
  found: Found | undefined,
): Promise<void> {
  const wanted = found?.tasks ?? [];
  // A file that is new has no notebook yet; most of a push are such.
  if (wanted.length === 0 && file.version === 1) return;
  const [existing] = await transaction.rows<{ id: string }>(
    sql`select id from notebooks where file_id = ${file.id}`,
  );
  if (wanted.length === 0 && !existing) return;
  const change = changer(transaction, signer);
  if (wanted.length === 0) return change(notebook, 'delete', existing!.id, {}, 'forget');
  const title = (found?.heading ?? basename(file.path)).slice(0, 500);
  const id = existing?.id ?? uuidv7();
  if (existing) await change(notebook, 'update', id, { title }, 'refresh');
  else
    await change(
      notebook,
      'insert',
      id,
      { teamId: file.team_id, fileId: file.id, title },
      'discover',
    );
  await matchTasks(transaction, change, file.team_id, id, wanted);
}

/** A task keeps its id while its name stays, so that its runs stay with it. */
async function matchTasks(
  transaction: Transaction,
  change: ReturnType<typeof changer>,
  teamId: string,
  notebookId: string,
  wanted: readonly TaskValues[],
): Promise<void> {
  const rows = await transaction.rows<TaskRow>(
    sql`select * from tasks where notebook_id = ${notebookId}`,
  );
  const byName = new Map(rows.map((row) => [row.name, row]));
  const names = new Set(wanted.map(({ name }) => name));
  for (const row of rows) {
    if (!names.has(row.name)) await change(task, 'delete', row.id, {}, 'forget');
  }
  for (const values of wanted) {
    const row = byName.get(values.name);
    if (!row) await change(task, 'insert', uuidv7(), { teamId, notebookId, ...values }, 'discover');
    else if (!isSame(row, values)) await change(task, 'update', row.id, values, 'refresh');
  }
}

const isSame = (row: TaskRow, values: TaskValues): boolean =>
  row.language === values.language &&
  row.source === values.source &&
  row.position === values.position &&
  JSON.stringify(row.depends_on) === JSON.stringify(values.dependsOn) &&
  sorted(row.attributes) === sorted(values.attributes);

/** jsonb keeps its own order of keys. */
const sorted = (attributes: unknown): string =>
  JSON.stringify(Object.entries(attributes as Record<string, string>).sort());

const changer =
  (transaction: Transaction, signer: Signer) =>
  async (
    resource: Resource,
    kind: 'insert' | 'update' | 'delete',
    id: string,
    values: Values,
    action: string,
  ): Promise<void> => {
    await transaction.text(
      changeStatement(signer, { kind, resource, id, values, event: resource.events[action] }),
    );
  };
