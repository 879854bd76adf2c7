import type { LiveDocuments } from '../../collaboration/live-documents.ts';
import type { Database } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Log } from '../../log.ts';
import type { Spawner } from '../../spawn/spawner.ts';
import type { GitStorage } from '../../storage/git.ts';
import { repackAll } from '../../storage-jobs/repack.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Nothing to say: it looks for edits that no version holds, and for repositories to pack. */
    'create-version': null;
  }
}

type Parts = {
  database: Database;
  documents: LiveDocuments;
  git: GitStorage;
  spawner: Spawner;
  log: Log;
};
/** While people type a version is made at least each minute; older edits have been left behind. */
const quiet = '2 minutes';

/**
 * Every ten minutes. Edits are durable in a document's log; who typed them last or a clone makes them a
 * version. After a crash nobody may come for long: then this does.
 */
export function createVersion(parts: Parts): Task<'create-version'> {
  const { database, documents, log } = parts;
  return {
    name: 'create-version',
    cron: '*/10 * * * *',
    batch: 1,
    longest: 3_600,
    async run({ signal }) {
      const left = await database.system<{ team_id: string; file_id: string }>(
        sql`select team_id, file_id from unpublished_documents(${quiet}::interval, 1000)`,
      );
      for (const { team_id: teamId, file_id: fileId } of left) {
        signal.throwIfAborted();
        // One that cannot be read must not keep the others away.
        await documents.publishLeftOver({ teamId }, fileId).catch((error: unknown) => {
          log.error({ err: error, fileId }, 'edits could not be made a version');
        });
      }
      await repackAll(parts, signal);
    },
  };
}
