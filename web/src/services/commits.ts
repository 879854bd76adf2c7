import { infiniteQueryOptions, queryOptions } from '@tanstack/svelte-query';
import type { Author } from '../types/records.ts';
import { type Changes, changesAt, diffAt } from './changes.ts';
import { read, relative } from './client.ts';

const type = 'commits';

export type Commit = {
  id: string;
  message: string;
  authors: Author[];
  committedAt: string | null;
  parents: string[];
  /** Files that it changed against its first parent. */
  pathCount: number;
};

export const commits = {
  /** Of a branch, newest first, a page at a time. */
  onBranch: (workspaceId: string, branchName: string) =>
    infiniteQueryOptions({
      queryKey: ['workspaces', workspaceId, type, branchName],
      queryFn: async ({ pageParam, signal }) => read<Commit[]>(pageParam, signal),
      initialPageParam: `/workspaces/${workspaceId}/commits?branchName=${encodeURIComponent(branchName)}`,
      getNextPageParam: ({ next }) => next && relative(next),
    }),

  one: (workspaceId: string, id: string) =>
    queryOptions({
      queryKey: [type, workspaceId, id],
      queryFn: async ({ signal }) => (await read<Commit>(pathOf(workspaceId, id), signal)).data,
      ...forever,
    }),

  changes: (workspaceId: string, id: string) =>
    queryOptions({
      queryKey: [type, workspaceId, id, 'changes'],
      queryFn: ({ signal }): Promise<Changes> => changesAt(pathOf(workspaceId, id), signal),
      ...forever,
    }),

  diff: (workspaceId: string, id: string, path: string) =>
    queryOptions({
      queryKey: [type, workspaceId, id, 'diff', path],
      queryFn: ({ signal }) => diffAt(pathOf(workspaceId, id), path, signal),
      ...forever,
    }),
};

/** A commit never changes. */
const forever = { staleTime: Number.POSITIVE_INFINITY };

const pathOf = (workspaceId: string, id: string) => `/workspaces/${workspaceId}/commits/${id}`;
