/** Entries of an archive on their way into a workspace: taken in one by one, made true together. */
import { type Actor, KyozoError } from '@kyozo/resource';
import type { Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import type { Placed } from '../workspaces/file-row.ts';
import type { Fate } from '../workspaces/file-store.ts';
import { putTogether, requirePath } from '../workspaces/put-at-path.ts';
import { BadEntry, isProgram, type Zip, type ZipEntry } from './read-zip.ts';
import type { TransferRow } from './transfers.ts';

/** A file of an archive, `name` as it is called there: content for a path, or why it is refused. */
export type Arrival = { position: number; name: string } & (
  | { placed: Placed }
  | { placed?: undefined; reason: string }
);

/** Where they go, as whom. */
export type Target = { workspaces: Workspaces; actor: Actor; row: TransferRow };

/** Takes the content of an entry in; it is nobody's yet. */
export async function takeIn(
  { workspaces, actor, row }: Target,
  zip: Zip,
  entry: ZipEntry,
  position: number,
): Promise<Arrival> {
  const { workspaceId, folderPath } = row;
  const arrival = { position, name: entry.name };
  try {
    // The entry's own path first: joined to a folder, an absolute one would look like any other.
    requirePath(entry.path);
    if (zip.repeated.has(entry))
      throw new BadEntry('Another entry of the archive has the same path.');
    const path = folderPath ? `${folderPath}/${entry.path}` : entry.path;
    requirePath(path);
    const size = entry.entry.uncompressedSize;
    const body = await zip.open(entry);
    const content = await workspaces.files.store(actor, { workspaceId, path }, body, { size });
    const executable = isProgram(entry);
    return {
      ...arrival,
      placed: { path, content, ...(executable !== undefined && { executable }) },
    };
  } catch (error) {
    return { ...arrival, reason: reasonOf(error) };
  }
}

/**
 * Makes arrivals true by one version, and reports them in its transaction. Where that is refused, each
 * half is for itself, down to the one that it is refused for. Answers how many are.
 */
export async function bring(target: Target, arrivals: readonly Arrival[]): Promise<number> {
  const { workspaces, actor, row } = target;
  const placed = arrivals.flatMap((it) => it.placed ?? []);
  const told = (transaction: Transaction, fates: readonly Fate[]) =>
    report(transaction, actor, row.id, arrivals, fates);
  if (placed.length === 0) {
    await workspaces.database.transaction(actor, (transaction) => told(transaction, []));
    return arrivals.length;
  }
  try {
    await putTogether(workspaces, actor, row.workspaceId, placed, told);
    return arrivals.length - placed.length;
  } catch (error) {
    const reason = reasonOf(error);
    const [{ position, name }] = arrivals as [Arrival];
    if (arrivals.length === 1) return bring(target, [{ position, name, reason }]);
    const half = arrivals.length >> 1;
    const refused = await bring(target, arrivals.slice(0, half));
    return refused + (await bring(target, arrivals.slice(half)));
  }
}

/** A line for each; `fates` are of those that were placed, in their order. */
async function report(
  transaction: Transaction,
  { teamId }: Actor,
  transferId: string,
  arrivals: readonly Arrival[],
  fates: readonly Fate[],
): Promise<void> {
  const left = fates.values();
  const outcomes = arrivals.map((it) => (it.placed ? left.next().value!.outcome : 'refused'));
  const reasons = arrivals.map((it) => (it.placed ? null : it.reason));
  await transaction.rows(
    sql`insert into transfer_entries (team_id, transfer_id, position, path, outcome, reason)
      select ${teamId}::uuid, ${transferId}::uuid, e.* from unnest(${arrivals.map(({ position }) => position)}::integer[],
        ${arrivals.map(({ name }) => shown(name))}::text[], ${outcomes}::text[], ${reasons}::text[]) as e
      on conflict do nothing`,
  );
}

/** Refusals that say something of one file; any other ends the whole, or is tried again. */
const ofTheEntry = new Set(['invalid', 'conflict', 'too_large', 'precondition_failed']);

/** Why an entry is refused. @throws what is no refusal of one */
function reasonOf(error: unknown): string {
  const bad = badEntryIn(error);
  if (bad) return bad.message;
  if (!(error instanceof KyozoError) || !ofTheEntry.has(error.code)) throw error;
  return error.message;
}

/** An entry's own failure, which a storage may have met while it read. */
function badEntryIn(error: unknown): BadEntry | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof BadEntry) return at;
  return undefined;
}

/** A name as a line of text: PostgreSQL keeps no NUL. */
const shown = (name: string) =>
  name
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd')
    .slice(0, 4_096);
