import { trashTexts } from '../../messages/trash.ts';
import { messages } from '../../messages.ts';
import { files } from '../../services/files.ts';
import type { ListPage } from '../../services/folders.ts';
import { queryClient } from '../../services/query-client.ts';
import type { FileRecord } from '../../types/records.ts';
import { tellError, tellWithUndo } from '../../ui/toast/index.ts';
import { nameOf, parentOf } from './paths.ts';

/** A file, and the path that it gets. */
export type Move = { file: Pick<FileRecord, 'id' | 'path'>; path: string };

/**
 * Moves files to the trash at once on the screen, then on the server; offers to take it back, also where
 * a later one was refused.
 */
export async function trashFiles(doomed: readonly FileRecord[]): Promise<void> {
  if (doomed.length === 0) return;
  const ids = new Set(doomed.map((file) => file.id));
  change((list) => list.filter((file) => !ids.has(file.id)));
  const gone: FileRecord[] = [];
  try {
    for (const file of doomed) {
      await files.trash(file.id);
      gone.push(file);
    }
  } catch (error) {
    tellError(messages.files.trash, error);
  }
  if (gone.length > 0) {
    const back = new Set(gone.map((file) => file.id));
    tellWithUndo(messages.files.trashed(gone.length, gone[0]!.name), () => bringBack(back));
  }
  refresh();
}

/**
 * Gives files new paths; the screen shows it before the server has agreed. What was moved can be taken
 * back, also where a later one was refused. Throws what the server refused.
 */
export async function moveFiles(moves: readonly Move[], said: string): Promise<void> {
  const done: Move[] = [];
  try {
    for (const move of moves) {
      await moveFile(move);
      done.push({ file: { id: move.file.id, path: move.path }, path: move.file.path });
    }
  } finally {
    if (done.length > 0) tellWithUndo(said, () => takeBack(done));
    refresh();
  }
}

async function moveFile({ file: { id }, path }: Move): Promise<void> {
  change((list) =>
    list.flatMap((each) => {
      if (each.id !== id) return [each];
      // In another folder it is in another list.
      return parentOf(each.path) === parentOf(path) ? [{ ...each, path, name: nameOf(path) }] : [];
    }),
  );
  await files.move(id, path);
}

async function takeBack(moves: readonly Move[]): Promise<void> {
  try {
    for (const move of moves) await moveFile(move);
  } catch (error) {
    tellError(messages.common.undo, error);
  }
  refresh();
}

async function bringBack(ids: ReadonlySet<string>): Promise<void> {
  try {
    for (const id of ids) await files.restore(id);
  } catch (error) {
    tellError(trashTexts.restore, error);
  }
  refresh();
}

/** Edits every page that is known of a list of files. */
function change(edit: (list: FileRecord[]) => FileRecord[]): void {
  queryClient.setQueriesData<ListPage<FileRecord>>({ queryKey: ['files', 'in'] }, (page) => {
    if (!page) return page;
    const rows = edit(page.rows);
    return { ...page, rows, total: page.total - page.rows.length + rows.length };
  });
}

function refresh(): void {
  for (const key of ['files', 'folders']) void queryClient.invalidateQueries({ queryKey: [key] });
}
