import { PassThrough } from 'node:stream';
import { type Actor, KyozoError } from '@kyozo/resource';
import { ZipFile } from 'yazl';
import { sql } from '../database/sql.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import type { FileRow, Located } from '../workspaces/content-store.ts';
import { workspace } from '../workspaces/workspace.ts';
import { looksLikeBomb } from './read-zip.ts';
import type { Archive, TransferRow, Transfers } from './transfers.ts';

type Parts = { transfers: Transfers; workspaces: Workspaces; changed: (teamId: string) => void };

/** What is packed of a file. */
type Packed = Located & Pick<FileRow, 'path' | 'content_type' | 'executable' | 'updated_at'>;

/** Milliseconds between two words on how far it is, and two looks at whether the credential stands. */
const pace = 500;
/** What is packed already gets no smaller. */
const packed = /^(image\/(?!svg|bmp)|audio\/|video\/|application\/(zip|gzip|x-7z|x-rar|zstd))/;

/**
 * Packs a workspace's files into a zip, in the order of their paths' bytes, each with the time of its
 * last change, as the person who asked. Begun anew when it is cut off.
 */
export async function exportArchive(
  parts: Parts,
  actor: Actor,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { transfers, changed } = parts;
  const row = await transfers.find({ teamId: actor.teamId }, id);
  if (row.finishedAt !== null) return;
  try {
    await mustBeThere(parts, actor, row);
    const rows = await filesOf(parts.workspaces, actor, row.workspaceId);
    await transfers.progress(actor, id, { total: rows.length, done: 0 });
    changed(actor.teamId);
    const archive = await written(parts, actor, id, rows, signal);
    const done = rows.length;
    await mustBeThere(parts, actor, row);
    await transfers.finish(actor, id, { status: 'succeeded', ...archive, done });
  } catch (error) {
    const reason = reasonToEnd(error);
    if (reason === undefined) throw error;
    await transfers.finish(actor, id, { status: 'failed', reason });
  }
  changed(actor.teamId);
}

/** A workspace in the trash shows nothing to people, so that an archive of it would be empty. @throws KyozoError `conflict` */
const mustBeThere = ({ workspaces }: Parts, actor: Actor, { workspaceId }: TransferRow) =>
  workspaces.records.requireOpen(actor, workspace, workspaceId, 'archive');

/** Why an export ends for good; undefined for an error after which it begins once more. */
function reasonToEnd(error: unknown): string | undefined {
  if (!(error instanceof KyozoError)) return undefined;
  if (error.code === 'conflict') return error.message;
  const ended = error.code === 'unauthenticated' || error.code === 'not_a_member';
  return ended ? 'The credential that asked for it has ended.' : undefined;
}

/** Every file, as it is now: what is typed in live documents is recorded first. */
async function filesOf(
  { database, publishIfPossible }: Workspaces,
  actor: Actor,
  workspaceId: string,
): Promise<Packed[]> {
  const present = sql`workspace_id = ${workspaceId} and deleted_at is null`;
  const documents = await database.rows<{ id: string }>(
    actor,
    sql`select id from files where ${present} and live`,
  );
  for (const { id } of documents) await publishIfPossible(actor, id);
  return database.rows<Packed>(
    actor,
    sql`select workspace_id, path, content_type, executable, storage_backend, address, updated_at from files
      where ${present} order by path collate "C"`,
  );
}

/** What we give out comes in again: what would be taken for a bomb is packed anew, as it is. */
async function written(
  parts: Parts,
  actor: Actor,
  id: string,
  rows: readonly Packed[],
  signal: AbortSignal,
): Promise<Archive> {
  const { transfers } = parts;
  const archive = await transfers.write(actor, zipOf(parts, actor, id, rows, signal, true));
  if (!(await looksLikeBomb(await transfers.open(actor, archive.address)))) return archive;
  await transfers.remove(archive.address);
  return transfers.write(actor, zipOf(parts, actor, id, rows, signal, false));
}

function zipOf(
  { transfers, workspaces, changed }: Parts,
  actor: Actor,
  id: string,
  rows: readonly Packed[],
  signal: AbortSignal,
  compress: boolean,
): AsyncIterable<Uint8Array> {
  const zip = new ZipFile();
  const output = zip.outputStream.pipe(new PassThrough());
  const fail = (error: unknown) => output.destroy(error as Error);
  // It may fail before its reader has begun, who then meets the error all the same.
  output.on('error', () => undefined);
  zip.on('error', fail);
  let done = 0;
  let told = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    const options = {
      mtime: row.updated_at,
      mode: row.executable ? 0o100755 : 0o100644,
      compress: compress && !packed.test(row.content_type),
    };
    zip.addReadStreamLazy(row.path, options, (take) => {
      const open = async () => {
        if (signal.aborted) throw new Error('The job was taken away.');
        if (performance.now() - told > pace) {
          told = performance.now();
          // Asks once more whether the credential stands: a right that has ended ends the export.
          await workspaces.database.rows(actor, sql`select 1`);
          await transfers.progress(actor, id, { done });
          changed(actor.teamId);
        }
        done += 1;
        return workspaces.files.read(actor, row);
      };
      open().then(
        (stream) => take(null, stream.on('error', fail)),
        (error: unknown) => fail(error),
      );
    });
  }
  zip.end();
  return output;
}
