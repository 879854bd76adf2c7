import { type Actor, KyozoError } from '@kyozo/resource';
import { sql } from '../database/sql.ts';
import { StorageDamaged, StorageError, StorageNotFound } from '../storage/errors.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import { putAtPath, requirePath } from '../workspaces/put-at-path.ts';
import { BadArchive, BadEntry, readZip, type Zip, type ZipEntry } from './read-zip.ts';
import type { TransferRow, Transfers } from './transfers.ts';

type Parts = {
  transfers: Transfers;
  workspaces: Workspaces;
  /** Bytes that an archive may unpack to. */
  limit: number;
  changed: (teamId: string) => void;
};
type Fate = { outcome: 'created' | 'changed' | 'same' | 'refused'; reason: string | null };

/** Files between two words on how far it is. */
const step = 50;

/**
 * Brings the files of an archive into a workspace, each for itself, with a line of report for each. Cut
 * off, it goes on behind the last line. All is done as the person who asked, whose rights are asked for
 * at each file; what an archive says of owners, ids or times is not read.
 */
export async function importArchive(
  parts: Parts,
  actor: Actor,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { transfers, changed } = parts;
  const row = await transfers.find({ teamId: actor.teamId }, id);
  if (row.finishedAt !== null) return;
  try {
    const archive = await transfers.open(actor, row.address!).catch(lost);
    const zip = await readZip(archive, parts.limit);
    try {
      await bringAll(parts, actor, row, zip, signal);
    } finally {
      zip.close();
    }
    await transfers.finish(actor, id, { status: 'succeeded' });
  } catch (error) {
    const reason = reasonToEnd(error);
    if (reason === undefined) throw error;
    await transfers.finish(actor, id, { status: 'failed', reason });
  }
  changed(actor.teamId);
  await transfers.remove(row.address!);
}

async function bringAll(
  parts: Parts,
  actor: Actor,
  row: TransferRow,
  zip: Zip,
  signal: AbortSignal,
): Promise<void> {
  const { transfers, workspaces, changed } = parts;
  const total = zip.entries.length;
  const [reported] = await workspaces.database.rows<{ done: number; refused: number }>(
    actor,
    sql`select count(*)::integer as done, count(*) filter (where outcome = 'refused')::integer as refused
      from transfer_entries where transfer_id = ${row.id}`,
  );
  let { done, refused } = reported!;
  await transfers.progress(actor, row.id, { total, done, refused });
  changed(actor.teamId);
  for (const entry of zip.entries.slice(done)) {
    if (signal.aborted) throw new Error('The job was taken away.');
    const { outcome, reason } = await bring(workspaces, actor, row, zip, entry);
    await workspaces.database.rows(
      actor,
      sql`insert into transfer_entries (team_id, transfer_id, position, path, outcome, reason)
        values (${actor.teamId}, ${row.id}, ${done}, ${shown(entry.path)}, ${outcome}, ${reason})
        on conflict do nothing`,
    );
    done += 1;
    if (outcome === 'refused') refused += 1;
    if (done % step === 0 || done === total) {
      await transfers.progress(actor, row.id, { done, refused });
      changed(actor.teamId);
    }
  }
}

async function bring(
  workspaces: Workspaces,
  actor: Actor,
  { workspaceId, folderPath }: TransferRow,
  zip: Zip,
  entry: ZipEntry,
): Promise<Fate> {
  try {
    // The entry's own path first: joined to a folder, an absolute one would look like any other.
    requirePath(entry.path);
    const path = folderPath ? `${folderPath}/${entry.path}` : entry.path;
    requirePath(path);
    const size = entry.entry.uncompressedSize;
    const body = await zip.open(entry);
    const { outcome } = await putAtPath(workspaces, actor, { workspaceId, path }, body, { size });
    return { outcome, reason: null };
  } catch (error) {
    const bad = badEntryIn(error);
    if (bad) return { outcome: 'refused', reason: bad.message };
    if (!(error instanceof KyozoError) || !ofTheEntry.has(error.code)) throw error;
    return { outcome: 'refused', reason: error.message };
  }
}

/** Refusals that say something of one file; any other ends the whole, or is tried again. */
const ofTheEntry = new Set(['invalid', 'conflict', 'too_large', 'precondition_failed']);

/** An entry's own failure, which a storage may have met while it read. */
function badEntryIn(error: unknown): BadEntry | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof BadEntry) return at;
  return undefined;
}

/** Why the whole has failed for good; undefined when another try may do better. */
function reasonToEnd(error: unknown): string | undefined {
  if (error instanceof BadArchive) return error.message;
  if (error instanceof StorageError || !(error instanceof KyozoError)) return undefined;
  if (error.code === 'unauthenticated') return 'The credential that asked for it has ended.';
  return error.code === 'unavailable' || error.code === 'unknown' ? undefined : error.message;
}

/** No later try finds what is gone. */
function lost(error: unknown): never {
  if (error instanceof StorageNotFound || error instanceof StorageDamaged)
    throw new BadArchive('The archive is no longer there.', { cause: error });
  throw error;
}

/** A name as a line of text: PostgreSQL keeps no NUL. */
const shown = (path: string) =>
  path
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd')
    .slice(0, 4_096);
