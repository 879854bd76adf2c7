import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Nothing to say: it forgets uploads, imports and exports that have ended. */
    'forget-uploads': null;
  }
}

/** Rows end a day after the last change, and a file is written no later than its row: an hour more is past both. */
const age = 25 * 3_600_000;

/** Forgets what was left behind for a day; `folders` hold its files. */
export function forgetUploads(
  database: Database,
  folders: readonly string[],
): Task<'forget-uploads'> {
  return {
    name: 'forget-uploads',
    cron: '*/15 * * * *',
    async run() {
      await database.system(sql`select forget_uploads()`);
      for (const folder of folders) {
        for (const name of await readdir(folder).catch(() => [])) {
          const path = join(folder, name);
          const found = await stat(path).catch(() => undefined);
          if (found && found.mtimeMs < Date.now() - age) await rm(path, { force: true });
        }
      }
    },
  };
}
