import type { Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import { type Transaction, together } from '../database/database.ts';
import { changeStatement, insertStatement, type Signer } from '../database/write.ts';
import type { Person } from '../storage/git.ts';
import type { Storages } from '../storage/storages.ts';
import type { Content, FileRow } from './content-store.ts';
import { fileVersion } from './file-version.ts';
import { holdContent } from './stored.ts';

/** What a commit of the past says of a version. */
export type Recorded = { message: string; authors: readonly Person[]; at?: Date; commit: string };
/** A version that is to be recorded: the row that its file then has, and where it comes from. */
export type Version = { row: FileRow; content: Content; about: Recorded };
type About = { commit: string | undefined; message: string; authors: readonly Person[] };

const event = fileVersion.events.record!;

/** Records what a file is now as a version. @throws KyozoError `unavailable` when its content is gone */
export async function recordVersion(
  transaction: Transaction,
  signer: Signer,
  storages: Storages,
  row: FileRow,
  content: Content,
  about: About,
): Promise<void> {
  const record = await recordOf(transaction, storages, row, content, about);
  const change = { kind: 'insert' as const, resource: fileVersion, ...record, event };
  await transaction.text(changeStatement(signer, change));
}

/** The same for many files at once, each as of the time that its commit says. */
export async function recordVersions(
  transaction: Transaction,
  signer: Signer,
  storages: Storages,
  versions: readonly Version[],
): Promise<void> {
  const records = await together(
    ...versions.map(async ({ row, content, about }) => {
      const { id, values } = await recordOf(transaction, storages, row, content, about);
      return { id, values: { ...values, insertedAt: (about.at ?? new Date()).toISOString() } };
    }),
  );
  await transaction.text(insertStatement(signer, fileVersion, event, records));
}

/** The record of a version whose content stays until the transaction ends. */
async function recordOf(
  transaction: Transaction,
  storages: Storages,
  row: FileRow,
  content: Content,
  { commit, message, authors }: About,
): Promise<{ id: string; values: Values }> {
  const scope = { teamId: row.team_id, workspaceId: row.workspace_id };
  const homeBackend = await holdContent(transaction, storages, scope, content);
  const values = {
    teamId: row.team_id,
    fileId: row.id,
    version: row.version,
    message,
    authors,
    size: content.size,
    contentType: content.contentType,
    storageBackend: content.backend,
    homeBackend,
    address: content.address,
    sha256: content.sha256,
    commit: commit ?? null,
  };
  return { id: uuidv7(), values };
}
