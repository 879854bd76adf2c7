/** Makes the steps of a merge true in the rows of files, in the transaction that holds the workspace. */
import { together } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { FileRow } from './content-store.ts';
import { lockFiles, placeValues } from './file-row.ts';
import type { Held } from './file-store.ts';
import type { Merged } from './push-merge.ts';
import { atOnce, isNews, type Put, writeFiles } from './write-files.ts';

/** The files that the steps moved to the trash, and those that have a new version. */
export type Applied = { deleted: string[]; written: string[] };

export const isExecutable = ({ mode }: Pick<Merged, 'mode'>): boolean => mode === '100755';

/** Deletes, then moves, then writes; a moved file keeps its record. */
export async function applySteps(
  held: Held,
  place: { teamId: string; workspaceId: string },
  steps: readonly Merged[],
  puts: readonly Put[],
): Promise<Applied> {
  const paths = new Set(
    steps.flatMap(({ path, was }) => (was === undefined ? [path] : [path, was])),
  );
  const rows = await lockFiles(held.transaction, place.workspaceId, [...paths]);
  const deleted = await deleteFiles(held, steps, rows);
  await moveFiles(held, steps, rows);
  const news = puts.filter((put) => isNews(put, rows));
  const written = await writeFiles(held, place, news, rows);
  return { deleted, written: [...written.values()] };
}

async function deleteFiles(
  held: Held,
  steps: readonly Merged[],
  rows: Map<string, FileRow>,
): Promise<string[]> {
  const deletedAt = new Date().toISOString();
  const ids: string[] = [];
  for (const step of steps) {
    if (step.kind !== 'take' || step.to !== null) continue;
    const row = rows.get(step.path);
    if (row) ids.push(row.id);
    rows.delete(step.path);
  }
  await inBatches(ids, (id) => held.change(id, 'destroy', { deletedAt }));
  return ids;
}

/** Moves files and sets their modes. Afterwards `rows` has each file at its new path. */
async function moveFiles(
  held: Held,
  steps: readonly Merged[],
  rows: Map<string, FileRow>,
): Promise<void> {
  const changed = steps.flatMap((step) => {
    const row = step.was === undefined ? undefined : rows.get(step.was);
    if (!row) return [];
    const executable = isExecutable(step);
    const hasMoved = step.was !== step.path;
    if (!hasMoved && executable === row.executable) return [];
    return [{ row: { ...row, path: step.path, executable }, was: step.was!, hasMoved }];
  });
  const moved = changed.filter(({ hasMoved }) => hasMoved);
  if (moved.length > 0)
    await freePaths(
      held,
      moved.map(({ row }) => row.id),
    );
  for (const { was } of changed) rows.delete(was);
  for (const { row } of changed) rows.set(row.path, row);
  await inBatches(changed, ({ row: { id, path, executable }, hasMoved }) =>
    held.change(id, 'update', { ...(hasMoved && placeValues(path)), executable }),
  );
}

/** Lets files leave their paths before any takes a new one: two may swap. No path holds a control character. */
async function freePaths({ transaction }: Held, ids: readonly string[]): Promise<void> {
  await transaction.rows(
    sql`update files set folded_path = chr(1) || id::text where id = any(${[...ids]}) returning id`,
  );
}

async function inBatches<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += atOnce.files) {
    await together(...items.slice(at, at + atOnce.files).map(work));
  }
}
