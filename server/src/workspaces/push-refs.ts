/** Branches and tags of a workspace: rows are the truth, git's files follow. */
import { type Actor, personOf } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Queries, Tenant, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { branch } from './branch.ts';

export const MAIN = 'refs/heads/main';
const MOST_REFS = 10_000;

/** What a client asks for one ref; `undefined` is "not there". */
export type Command = { name: string; old: string | undefined; new: string | undefined };

/** What the database says of a repository: the truth, which git's files follow. */
export type RepositoryState = {
  head: string | null;
  archived: boolean;
  /** All refs but `main`, by name. */
  refs: Map<string, string>;
};

/** The head and the refs of a workspace, seen at one moment; undefined when there is none. */
export async function readRepository(
  database: Pick<Queries, 'rows'>,
  tenant: Tenant,
  workspaceId: string,
): Promise<RepositoryState | undefined> {
  const [row] = await database.rows<{
    head: string | null;
    archived: boolean;
    refs: [string, string][];
  }>(
    tenant,
    sql`select head_commit as head, archived_at is not null as archived, array(
        select json_build_array(name, oid) from git_refs
        where workspace_id = w.id and name <> ${MAIN} order by name collate "C"
      ) as refs from workspaces w where id = ${workspaceId}`,
  );
  return row && { ...row, refs: new Map(row.refs) };
}

/** All refs while the workspace is held, `main` as it was last pushed. */
export async function lockedRefs(
  transaction: Transaction,
  workspaceId: string,
): Promise<Map<string, string>> {
  const rows = await transaction.rows<{ name: string; oid: string }>(
    sql`select name, oid from git_refs where workspace_id = ${workspaceId}`,
  );
  return new Map(rows.map(({ name, oid }) => [name, oid]));
}

/** Why a branch or tag may not move now, or undefined. */
export function findConflict(
  refs: ReadonlyMap<string, string>,
  command: Command,
): string | undefined {
  const current = refs.get(command.name);
  if (current !== command.old) return 'it has moved meanwhile; fetch first';
  if (command.new === undefined || current !== undefined) return undefined;
  if (refs.size >= MOST_REFS) return `a workspace has at most ${MOST_REFS} branches and tags`;
  for (const name of [MAIN, ...refs.keys()]) {
    if (name.startsWith(`${command.name}/`) || command.name.startsWith(`${name}/`)) {
      return 'its name and that of another branch or tag exclude each other';
    }
  }
  return undefined;
}

/**
 * Moves, makes or removes a ref as the command says. What happens to a branch is an event; of `main`, whose
 * row is only a memory of pushes, `workspace.committed` tells.
 */
export async function writeRef(
  transaction: Transaction,
  actor: Actor,
  workspaceId: string,
  command: Command,
): Promise<void> {
  const { name, new: oid } = command;
  const { event, version } = eventOf(command);
  const written =
    oid === undefined
      ? sql`delete from git_refs where workspace_id = ${workspaceId} and name = ${name}`
      : sql`insert into git_refs (team_id, workspace_id, name, oid)
          values (${actor.teamId}, ${workspaceId}, ${name}, ${oid})
          on conflict (team_id, workspace_id, name) do update set oid = excluded.oid`;
  await transaction.rows(
    sql`with ref as (${written} returning *)
      insert into events (id, team_id, user_id, resource, record_id, name, version, state)
      select ${uuidv7()}, team_id, ${personOf(actor) ?? null}, ${branch.type}, id, ${event}, ${version},
        jsonb_build_object('id', id, 'team_id', team_id, 'workspace_id', workspace_id,
          'name', substr(name, 12), 'head', oid)
      from ref where name like 'refs/heads/_%' and name <> ${MAIN}`,
  );
}

function eventOf({ old, new: next }: Command): { event: string; version: number } {
  const { create, move, destroy } = branch.events;
  const { name, version } = next === undefined ? destroy : old === undefined ? create : move;
  return { event: name, version };
}
