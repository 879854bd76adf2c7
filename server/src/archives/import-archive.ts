import { type Actor, KyozoError } from '@kyozo/resource';
import { sql } from '../database/sql.ts';
import { StorageDamaged, StorageError, StorageNotFound } from '../storage/errors.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import { atOnce } from '../workspaces/write-files.ts';
import { type Arrival, bring, takeIn } from './bring-entries.ts';
import { BadArchive, readZip, type Zip, type ZipEntry } from './read-zip.ts';
import type { TransferRow, Transfers } from './transfers.ts';

type Parts = {
  transfers: Transfers;
  workspaces: Workspaces;
  /** Bytes that an archive may unpack to. */
  limit: number;
  changed: (teamId: string) => void;
};

/**
 * Brings the files of an archive into a workspace, many by one version, with a line of report for each:
 * one that is refused holds up no other. Cut off, it goes on behind the last line. All is done as the
 * person who asked, whose rights are asked for at each version; what an archive says of owners, ids or
 * times is not read.
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
  const target = { workspaces, actor, row };
  const total = zip.entries.length;
  const [reported] = await workspaces.database.rows<{ done: number; refused: number }>(
    actor,
    sql`select count(*)::integer as done, count(*) filter (where outcome = 'refused')::integer as refused
      from transfer_entries where transfer_id = ${row.id}`,
  );
  let { done, refused } = reported!;
  await transfers.progress(actor, row.id, { total, done, refused });
  changed(actor.teamId);
  for (const entries of batches(zip.entries.slice(done))) {
    if (signal.aborted) throw new Error('The job was taken away.');
    const arrivals: Arrival[] = [];
    for (const entry of entries) {
      arrivals.push(await takeIn(target, zip, entry, done + arrivals.length));
    }
    refused += await bring(target, arrivals);
    done += arrivals.length;
    await transfers.progress(actor, row.id, { done, refused });
    changed(actor.teamId);
  }
}

/** Entries that come in by one version, in their order; two of one name are two versions. */
function* batches(entries: readonly ZipEntry[]): Generator<ZipEntry[]> {
  let some = new Map<string, ZipEntry>();
  let bytes = 0;
  for (const one of entries) {
    const size = one.entry.uncompressedSize;
    const isFull = some.size === atOnce.files || bytes + size > atOnce.bytes;
    if (some.size > 0 && (isFull || some.has(one.path))) {
      yield [...some.values()];
      some = new Map();
      bytes = 0;
    }
    some.set(one.path, one);
    bytes += size;
  }
  if (some.size > 0) yield [...some.values()];
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
