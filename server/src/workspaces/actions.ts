import { type Actor, invalid, KyozoError, type Values } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Call, Performers } from '../actions.ts';
import { transfer } from '../archives/transfer.ts';
import type { Queries } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import type { Records } from '../records.ts';
import { slugOf } from '../slug.ts';
import { isRunnable } from './cell-language.ts';
import { file } from './file.ts';
import type { FileStore } from './file-store.ts';
import { fileVersion } from './file-version.ts';
import { explainClash } from './path-clash.ts';
import type { Runner } from './runner.ts';
import { taskRun } from './task-run.ts';
import { workspace } from './workspace.ts';
import { type ClosedWorkspace, workspaceStates } from './workspace-states.ts';

type Changing = {
  database: Queries;
  files: FileStore;
  /** Records what a live document holds as a version; nothing when no document is open. */
  publish(actor: Actor, fileId: string, message?: string): Promise<{ changed: boolean }>;
  /**
   * The same before its file is replaced or removed. A document that cannot become a version does not
   * hold that up: its edits stay in its log.
   */
  publishIfPossible(actor: Actor, fileId: string): Promise<unknown>;
  /** A file has gone to the trash. */
  closed(fileId: string): void;
  /** A workspace has been archived, or has gone to the trash. */
  closedWorkspace(closed: ClosedWorkspace): void;
};

export type Workspaces = Changing & {
  records: Records;
  /** Brings a live document to content that was written past it. */
  follow(actor: Actor, fileId: string): Promise<void>;
  runner: Runner;
  /** Begins to pack a workspace; answers the transfer. */
  pack(actor: Actor, workspaceId: string): Promise<Row>;
};

/** Actions of workspaces and files that change the database and git's objects only, and so can share a transaction. */
export function workspaceChanges(workspaces: Changing): Performers {
  const { database, files } = workspaces;

  const insert = async (actor: Actor, values: Values, resource: typeof workspace | typeof file) => {
    const all = { ...values, teamId: actor.teamId };
    const change = {
      kind: 'insert' as const,
      resource,
      id: uuidv7(),
      values: all,
      event: resource.events.create,
    };
    const [row] = await database.text(actor, changeStatement(actor, change));
    return { row: rowOf({ resource, sort: [] }, row!) };
  };

  return {
    ...workspaceStates({ database, closed: workspaces.closedWorkspace }),

    async 'workspaces.create'({ actor, input }: Call) {
      const given = input.values.slug as string | undefined;
      const plain = given ?? slugOf(input.values.name as string);
      try {
        return await insert(actor, { ...input.values, slug: plain }, workspace);
      } catch (error) {
        const taken =
          error instanceof KyozoError && error.code === 'conflict' && given === undefined;
        if (!taken) throw error;
        return insert(
          actor,
          { ...input.values, slug: slugOf(input.values.name as string, uuidv7()) },
          workspace,
        );
      }
    },

    async 'files.create'({ actor, input }: Call) {
      const { content, encoding } = input.arguments as { content?: string; encoding?: string };
      const values: Values = { ...input.values, ...file.actions.create.change(input) };
      const clash = explainClash(
        database,
        actor,
        values.workspaceId as string,
        values.path as string,
      );
      if (content === undefined) return insert(actor, { ...values, live: true }, file).catch(clash);
      return { row: await files.create(actor, values, bytesOf(content, encoding)).catch(clash) };
    },

    async 'files.update'({ actor, input, record, ifVersion }: Call) {
      const values = { ...input.values, ...file.actions.update.change(input) };
      const clash = clashOf(workspaces, actor, record!.id, input.values.path as string | undefined);
      return {
        row: await files.place(actor, record!.id, 'update', values, ifVersion).catch(clash),
      };
    },

    async 'files.destroy'({ actor, record, ifVersion }: Call) {
      await workspaces.publishIfPossible(actor, record!.id);
      await files.place(
        actor,
        record!.id,
        'destroy',
        { deletedAt: new Date().toISOString() },
        ifVersion,
      );
      database.afterCommit(() => workspaces.closed(record!.id));
      return {};
    },

    async 'files.purge'({ actor, record }: Call) {
      const { id } = record!;
      await database.transaction(actor, async (transaction) => {
        const [row] = await transaction.rows<{ deleted_at: Date | null }>(
          sql`select deleted_at from files where id = ${id} for update`,
        );
        if (!row?.deleted_at)
          throw new KyozoError('conflict', 'Only a file in the trash can be removed.');
        const event = file.events.purge;
        const change = { kind: 'delete' as const, resource: file, id, values: {}, event };
        await transaction.text(changeStatement(actor, change));
      });
      return {};
    },
  };
}

/** The actions of workspaces and files that are more than one change of one row. */
export function workspacePerformers(workspaces: Workspaces): Performers {
  const { database, records, files } = workspaces;
  return {
    ...workspaceChanges(workspaces),

    async 'workspaces.export'({ actor, record }: Call) {
      return { row: await workspaces.pack(actor, record!.id), resource: transfer };
    },

    async 'files.restore'({ actor, input, record, ifVersion }: Call) {
      const version = input.arguments.version as number | undefined;
      if (version === undefined)
        return {
          row: await files
            .place(actor, record!.id, 'restore', { deletedAt: null }, ifVersion)
            .catch(clashOf(workspaces, actor, record!.id)),
        };
      await workspaces.publishIfPossible(actor, record!.id);
      const row = await files.find(actor, record!.id);
      const old = await files.bytes(actor, await files.versionOf(actor, row, version));
      const written = await files.write(actor, record!.id, old, {
        message: `Restore version ${version} of ${row.path}`,
        ifVersion,
      });
      await workspaces.follow(actor, record!.id);
      return { row: written.row ?? record! };
    },

    async 'files.commit'({ actor, input, record }: Call) {
      const { changed } = await workspaces.publish(
        actor,
        record!.id,
        input.arguments.message as string | undefined,
      );
      const row = await files.find(actor, record!.id);
      const newest = (await records.along(actor, file.relationships.versions, [row.id])).find(
        (version) =>
          (JSON.parse(version.attributes) as { version: number }).version === row.version,
      );
      if (!newest) throw new KyozoError('conflict', 'The file has no content yet.');
      return { row: newest, resource: fileVersion, status: changed ? 201 : 200 };
    },

    async 'tasks.run'({ actor, input, record }: Call) {
      const [row] = await database.rows<TaskRow>(
        actor,
        sql`select * from tasks where id = ${record!.id}`,
      );
      const { notebook_id: notebookId, language, source } = row!;
      const timeout = input.arguments.timeout as number | undefined;
      const cells = [{ language, source }];
      return {
        row: await workspaces.runner.queue(actor, {
          notebookId,
          taskId: row!.id,
          language,
          source,
          cells,
          timeout,
        }),
        resource: taskRun,
      };
    },

    async 'notebooks.run'({ actor, record }: Call) {
      const notebookId = record!.id;
      const rows = await database.rows<TaskRow>(
        actor,
        sql`select * from tasks where notebook_id = ${notebookId} order by position`,
      );
      const cells = rows.filter(
        (row) => row.attributes.excludeFromRunAll !== 'true' && isRunnable(row.language),
      );
      if (cells.length === 0)
        throw new KyozoError('conflict', 'Nothing in this notebook can be run.');
      const source = cells.map((cell) => cell.source).join('\n');
      const request = { notebookId, taskId: null, language: 'notebook', source, cells };
      return { row: await workspaces.runner.queue(actor, request), resource: taskRun };
    },

    async 'task-runs.cancel'({ actor, record }: Call) {
      const row = await workspaces.runner.cancel(actor, record!.id);
      return { row: row ?? (await records.one(actor, taskRun, record!.id)) };
    },
  };
}

const clashOf =
  ({ database, files }: Changing, actor: Actor, id: string, path?: string) =>
  async (error: unknown) => {
    const row = await files.find(actor, id);
    return explainClash(database, actor, row.workspace_id, path ?? row.path)(error);
  };

type TaskRow = {
  id: string;
  notebook_id: string;
  language: string;
  source: string;
  attributes: Record<string, string>;
};

/** @throws KyozoError for text that is no base64 */
function bytesOf(content: string, encoding: string | undefined): Uint8Array {
  if (encoding !== 'base64') return Buffer.from(content, 'utf8');
  const compact = content.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 !== 0) {
    throw invalid('content is not base64.', { pointer: '/data/attributes/content' });
  }
  return Buffer.from(compact, 'base64');
}
