import { trashTexts } from '../../messages/trash.ts';
import { messages } from '../../messages.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import type { FileRecord } from '../../types/records.ts';
import { tell, tellError, tellWithUndo } from '../../ui/toast/index.ts';
import { joinPath, nameOf } from './paths.ts';

/** Moves files to the trash at once on the screen, then on the server; offers to take it back. */
export async function trashFiles(doomed: readonly FileRecord[]): Promise<void> {
  if (doomed.length === 0) return;
  const ids = new Set(doomed.map((file) => file.id));
  change((list) => list.filter((file) => !ids.has(file.id)));
  try {
    for (const { id } of doomed) await files.trash(id);
    tellWithUndo(messages.files.trashed(doomed.length, doomed[0]!.name), () => void bringBack(ids));
  } catch (error) {
    tellError(messages.files.trash, error);
  }
  refresh();
}

/** Gives a file a new path; the screen shows it before the server has agreed. */
export async function moveFile({ id }: FileRecord, path: string): Promise<void> {
  change((list) =>
    list.map((each) => (each.id === id ? { ...each, path, name: nameOf(path) } : each)),
  );
  try {
    await files.move(id, path);
  } finally {
    refresh();
  }
}

/** Moves files into a folder, keeping their names. */
export async function moveInto(moved: readonly FileRecord[], folder: string): Promise<void> {
  try {
    for (const file of moved) await moveFile(file, joinPath(folder, file.name));
    tell(messages.files.moved(moved.length));
  } catch (error) {
    tellError(messages.files.moveTitle, error);
  }
}

async function bringBack(ids: ReadonlySet<string>): Promise<void> {
  try {
    for (const id of ids) await files.restore(id);
  } catch (error) {
    tellError(trashTexts.restore, error);
  }
  refresh();
}

function change(edit: (list: FileRecord[]) => FileRecord[]): void {
  queryClient.setQueriesData<FileRecord[]>(
    { queryKey: ['files', 'in'] },
    (list) => list && edit(list),
  );
}

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: ['files'] });
}
