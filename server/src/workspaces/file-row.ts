import { notFound, type Values } from '@kyozo/resource';
import type { Transaction } from '../database/database.ts';
import { type Sql, sql } from '../database/sql.ts';
import { foldPath } from '../storage/path-rules.ts';
import type { Content, FileRow } from './content-store.ts';

/** Content that is to be at a path. */
export type Placed = {
  path: string;
  content: Content;
  /** Undefined leaves a file as it is, and makes a new one no program. */
  executable?: boolean;
};

/** What stored content says of its file, as columns. */
export const rowValues = (content: Content) => ({
  content_type: content.contentType,
  size: content.size,
  storage_backend: content.backend,
  address: content.address,
  sha256: content.sha256,
  live: content.live,
});

/** The same as fields of the resource. */
export const contentValues = (content: Content): Values => ({
  contentType: content.contentType,
  size: content.size,
  storageBackend: content.backend,
  address: content.address,
  sha256: content.sha256,
  live: content.live,
});

/** A place in the workspace, as fields of the resource. */
export const placeValues = (path: string) => ({
  path,
  foldedPath: foldPath(path),
  name: path.slice(path.lastIndexOf('/') + 1),
});

/** The row of a file that is being made. */
export const newRow = (
  id: string,
  teamId: string,
  workspaceId: string,
  { path, content, executable = false }: Placed,
): FileRow => ({
  id,
  team_id: teamId,
  workspace_id: workspaceId,
  path,
  executable,
  version: 1,
  deleted_at: null,
  updated_at: new Date(),
  row_version: '',
  ...rowValues(content),
});

/** A file's row, held until the transaction ends. @throws KyozoError `not_found` */
export async function lockFile(transaction: Transaction, id: string): Promise<FileRow> {
  const [row] = await transaction.rows<FileRow>(
    sql`select *, xmin::text as row_version from files where id = ${id} for update`,
  );
  if (!row) throw notFound();
  return row;
}

/** The rows of files by their paths, held until the transaction ends; a path without a file is left out. */
export async function lockFiles(
  transaction: Transaction,
  workspaceId: string,
  paths: readonly string[],
): Promise<Map<string, FileRow>> {
  if (paths.length === 0) return new Map();
  const rows = await transaction.rows<FileRow>(
    sql`select *, xmin::text as row_version from files where ${atPaths(workspaceId, paths)} for update`,
  );
  return new Map(rows.map((row) => [row.path, row]));
}

/** The condition that a file is at one of these paths. The folded path is what there is an index of. */
export const atPaths = (workspaceId: string, paths: readonly string[]): Sql =>
  sql`workspace_id = ${workspaceId} and deleted_at is null
    and folded_path = any(${paths.map(foldPath)}) and path = any(${paths})`;
