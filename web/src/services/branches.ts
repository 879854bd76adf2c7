import { queryOptions } from '@tanstack/svelte-query';
import type { Author } from '../types/records.ts';
import { changesAt, diffAt } from './changes.ts';
import { readAll, write } from './client.ts';
import { ApiError } from './errors.ts';

const type = 'branches';

export type Branch = {
  id: string;
  name: string;
  head: string | null;
  ahead: number | null;
  behind: number | null;
  message: string | null;
  authors: Author[] | null;
  committedAt: string | null;
};
export type Choice = 'ours' | 'theirs' | 'both';
type Side = { size: number; text: string | null } | null;
/** Lines that both changed, as each has them. */
export type Open = { ours: string; theirs: string };
/** Lines of a merged text: settled, or open. */
export type Part = { text: string } | Open;
/**
 * A file that both `main` and the branch changed; null where one deleted it. Its `parts` are the merged
 * text, where both are texts.
 */
export type Conflict = { path: string; id: string; ours: Side; theirs: Side; parts: Part[] | null };
/** The files in conflict as far as the server tells them, those to decide first, and how many there are. */
export type Conflicts = { files: Conflict[]; total: number };
/** What stands of a file: a side, both, or a text that was written for that conflict. */
export type Resolved = Choice | { text: string; conflict: string };

export const branches = {
  inWorkspace: (workspaceId: string) =>
    queryOptions({
      queryKey: ['workspaces', workspaceId, type],
      queryFn: ({ signal }) => readAll<Branch>(`/workspaces/${workspaceId}/branches`, signal),
    }),

  /** The files that a branch changed since it parted from `main`. */
  changes: (workspaceId: string, id: string) =>
    queryOptions({
      queryKey: ['workspaces', workspaceId, type, id, 'changes'],
      queryFn: ({ signal }) => changesAt(`/branches/${id}`, signal),
    }),

  diff: (workspaceId: string, id: string, path: string) =>
    queryOptions({
      queryKey: ['workspaces', workspaceId, type, id, 'diff', path],
      queryFn: ({ signal }) => diffAt(`/branches/${id}`, path, signal),
    }),

  create: async (workspaceId: string, name: string, from = 'main'): Promise<void> => {
    const relationships = { workspace: { type: 'workspaces', id: workspaceId } };
    await write('POST', '/branches', { type, attributes: { name, from }, relationships });
  },

  remove: async (id: string): Promise<void> => {
    await write('DELETE', `/branches/${id}`);
  },

  /** Merges into `main`; answers the files that need a choice first, none when it is done. */
  merge: async (id: string, resolution: Record<string, Resolved>): Promise<Conflicts> => {
    try {
      await write('POST', `/branches/${id}/merge`, { type, attributes: { resolution } });
      return { files: [], total: 0 };
    } catch (error) {
      const meta = error instanceof ApiError ? error.errors[0]?.meta : undefined;
      if (!meta || !('files' in meta)) throw error;
      return meta as Conflicts;
    }
  },
};
