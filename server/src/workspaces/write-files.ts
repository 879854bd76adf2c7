/** Writes many files by the same statements, in the transaction that holds their workspace. */
import type { Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import { type Transaction, together } from '../database/database.ts';
import type { FileRow } from './content-store.ts';
import { contentValues, newRow, type Placed, placeValues, rowValues } from './file-row.ts';
import type { Recorded, Version } from './record-version.ts';

/** What writes rows in a transaction, with their events. */
export type Writing = {
  transaction: Transaction;
  /** Inserts the rows of new files. */
  add(files: readonly { id: string; values: Values }[]): Promise<void>;
  change(id: string, action: 'write' | 'update' | 'destroy', values: Values): Promise<void>;
  /** Records versions, with the notebooks and pictures that follow from their content. */
  record(versions: readonly Version[]): Promise<void>;
};

/** Placed content, with the commit that brought it. */
export type Put = Placed & { about: Recorded };

/** Files that become rows by the same statements, and the bytes of content that they may have. */
export const atOnce = { files: 100, bytes: 8 * 2 ** 20 };

/** Whether content makes a version of the file that is there, or a new file. */
export const isNews = ({ path, content }: Placed, rows: ReadonlyMap<string, FileRow>): boolean => {
  const row = rows.get(path);
  return !row || row.version === 0 || row.sha256 !== content.sha256;
};

/** Whether it changes only that the file is a program. */
export const isMode = (placed: Placed, rows: ReadonlyMap<string, FileRow>): boolean =>
  !isNews(placed, rows) &&
  placed.executable !== undefined &&
  placed.executable !== rows.get(placed.path)!.executable;

/**
 * Makes each put a new file or the next version of the one that is in `rows`; answers the files' ids by
 * path.
 */
export async function writeFiles(
  writing: Writing,
  { teamId, workspaceId }: { teamId: string; workspaceId: string },
  puts: readonly Put[],
  rows: ReadonlyMap<string, FileRow>,
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const version = (put: Put): Version => {
    const { path, content, about } = put;
    const current = rows.get(path);
    const executable = put.executable ?? current?.executable ?? false;
    const row = current
      ? { ...current, ...rowValues(content), executable, version: current.version + 1 }
      : newRow(uuidv7(), teamId, workspaceId, put);
    ids.set(path, row.id);
    return { row, content, about };
  };
  for (const some of batches(puts)) {
    const versions = some.map(version);
    const added = versions.filter(({ row }) => !rows.has(row.path));
    const rewritten = versions.filter(({ row }) => rows.has(row.path));
    await together(
      ...(added.length > 0 ? [writing.add(added.map(recordOf))] : []),
      ...rewritten.map((one) => writing.change(one.row.id, 'write', valuesOf(one))),
      writing.record(versions),
    );
  }
  return ids;
}

const valuesOf = ({ content, row }: Version): Values => ({
  ...contentValues(content),
  version: row.version,
  executable: row.executable,
});

const recordOf = (version: Version): { id: string; values: Values } => {
  const { id, team_id: teamId, workspace_id: workspaceId, path } = version.row;
  const place = { teamId, workspaceId, ...placeValues(path) };
  return { id, values: { ...place, ...valuesOf(version) } };
};

function* batches(puts: readonly Put[]): Generator<Put[]> {
  let some: Put[] = [];
  let bytes = 0;
  for (const put of puts) {
    const isFull = some.length === atOnce.files || bytes + put.content.size > atOnce.bytes;
    if (isFull && some.length > 0) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(put);
    bytes += put.content.size;
  }
  if (some.length > 0) yield some;
}
