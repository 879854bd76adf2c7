import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Scratch } from '../runtimes/scratch.ts';
import type { FileRow } from './content-store.ts';
import type { FileStore } from './file-store.ts';

type Parts = { database: Database; files: FileStore; scratch: Scratch };
export type WorkingCopy = { directory: string; around: string; remove(): Promise<void> };

/** The most that is copied from a workspace for its cells to see, in bytes and in files. */
const mostBytes = 200 * 2 ** 20;
const mostFiles = 20_000;

/**
 * A copy of the files of a notebook's workspace for a sandbox; cells never touch the originals. It lies
 * one folder down, because a cell may open its own folder to all: the folder around it stays shut.
 */
export async function makeWorkingCopy(
  { database, files, scratch }: Parts,
  teamId: string,
  notebookId: string,
): Promise<WorkingCopy> {
  const around = await mkdtemp(join(scratch.folder, 'run-'));
  const directory = join(around, 'work');
  const remove = () => scratch.remove(around);
  try {
    await mkdir(directory, { mode: 0o700 });
    const rows = await database.rows<FileRow>(
      { teamId },
      sql`select f.* from files f where f.deleted_at is null and f.size <= ${mostBytes} and f.workspace_id =
        (select o.workspace_id from notebooks n join files o on o.id = n.file_id where n.id = ${notebookId})
        order by f.size limit ${mostFiles}`,
    );
    let copied = 0;
    for (const row of rows) {
      copied += row.size;
      if (copied > mostBytes) break;
      const path = join(directory, row.path);
      await mkdir(dirname(path), { recursive: true });
      const mode = row.executable ? 0o755 : 0o644;
      await writeFile(path, await files.bytes({ teamId }, row), { mode });
    }
    return { directory, around, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
