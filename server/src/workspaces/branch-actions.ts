/** The actions of branches: they change refs as a push does, and files by a merge. */
import { type Actor, invalid, KyozoError, notFound } from '@kyozo/resource';
import type { Call, Performers } from '../actions.ts';
import type { Row } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import type { Records } from '../records.ts';
import { branch } from './branch.ts';
import type { BranchMerges } from './merge.ts';
import { resolutionIn } from './merge-conflicts.ts';
import type { PushParts } from './push.ts';
import { checkRefName } from './push-check.ts';
import { ask } from './push-git.ts';
import { type Command, findConflict, lockedRefs, MAIN, writeRef } from './push-refs.ts';

type Branches = { parts: PushParts; records: Records; merges: BranchMerges };

export function branchPerformers({ parts, records, merges }: Branches): Performers {
  const { database, files, storages, spawner, turns, log } = parts;

  /** Moves one ref, as the truth and then on disk. `oid` finds where to, with the workspace held. */
  const move = (
    actor: Actor,
    workspaceId: string,
    name: string,
    aim: (refs: ReadonlyMap<string, string>, head: string | null) => Command,
  ) =>
    turns.take(workspaceId, async () => {
      const oid = await files.hold(actor, workspaceId, async (held) => {
        const refs = await lockedRefs(held.transaction, workspaceId);
        refs.delete(MAIN);
        const command = aim(refs, held.head);
        const problem = findConflict(refs, command);
        if (problem) throw new KyozoError('conflict', sentence(problem));
        await writeRef(held.transaction, actor, workspaceId, command);
        return command.new;
      });
      // The next open repairs what did not follow.
      await storages.git.setRef(workspaceId, name, oid ?? null).catch(log);
    });

  return {
    async 'branches.create'({ actor, input }: Call) {
      const workspaceId = input.values.workspaceId as string;
      const given = input.values.name as string;
      const from = (input.arguments.from as string | undefined) ?? 'main';
      const name = `refs/heads/${given}`;
      const problem = checkRefName(name);
      if (problem) throw invalid(sentence(problem), { pointer: '/data/attributes/name' });
      if (from === 'main') await parts.publishAll(actor.teamId, workspaceId);
      const isCommit = /^[0-9a-f]{40}$/.test(from) && (await holds(workspaceId, from));
      await move(actor, workspaceId, name, (refs, head) => {
        if (name === MAIN || refs.has(name)) {
          throw new KyozoError('conflict', 'There is a branch of this name already.', {
            source: { pointer: '/data/attributes/name' },
          });
        }
        if (from === 'main' && head === null) {
          throw new KyozoError('conflict', 'The workspace has no commit yet to begin a branch at.');
        }
        const named = from === 'main' ? head! : refs.get(`refs/heads/${from}`);
        const oid = named ?? (isCommit ? from : undefined);
        if (oid === undefined) {
          throw invalid('from must be the name of a branch, or a commit that is here.', {
            pointer: '/data/attributes/from',
          });
        }
        return { name, old: undefined, new: oid };
      });
      const [row] = await database.rows<{ id: string }>(
        actor,
        sql`select id from branches where workspace_id = ${workspaceId} and name = ${given}`,
      );
      if (!row) throw notFound('The branch was removed meanwhile.');
      return { row: await records.one(actor, branch, row.id) };
    },

    async 'branches.destroy'({ actor, record }: Call) {
      const { workspaceId, name } = placeOf(record!);
      if (name === MAIN) throw new KyozoError('conflict', 'main cannot be deleted.');
      await move(actor, workspaceId, name, (refs) => {
        const old = refs.get(name);
        if (old === undefined) throw notFound();
        return { name, old, new: undefined };
      });
      return {};
    },

    async 'branches.merge'({ actor, input, record }: Call) {
      const { workspaceId, name } = placeOf(record!);
      if (name === MAIN) throw new KyozoError('conflict', 'main cannot be merged into itself.');
      const resolution = resolutionIn(input.arguments.resolution);
      const short = name.slice('refs/heads/'.length);
      const meta = await merges.merge(actor, workspaceId, short, resolution);
      return { row: await records.one(actor, branch, record!.id), meta };
    },
  };

  /** Whether the repository has a commit, so that a branch that was deleted can come back. */
  async function holds(workspaceId: string, oid: string): Promise<boolean> {
    const view = { repository: storages.git.folder(workspaceId) };
    const type = await ask(spawner, view, ['cat-file', '-t', oid]).catch(() => []);
    return type[0] === 'commit';
  }
}

function placeOf({ keys, attributes }: Row): { workspaceId: string; name: string } {
  const { name } = JSON.parse(attributes) as { name: string };
  return { workspaceId: keys.workspaceId!, name: `refs/heads/${name}` };
}

/** What git is told as part of a line, as a sentence. */
const sentence = (part: string) => `${part[0]!.toUpperCase()}${part.slice(1)}.`;
