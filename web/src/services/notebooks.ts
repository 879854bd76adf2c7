import { queryOptions } from '@tanstack/svelte-query';
import type { Notebook, Task, TaskRun } from '../types/records.ts';
import { read, readAll } from './client.ts';

export const notebooks = {
  list: () =>
    queryOptions({
      queryKey: ['notebooks', 'list'],
      queryFn: ({ signal }) => readAll<Notebook>('/notebooks?include=file&sort=-updatedAt', signal),
    }),

  /** The notebook that the server made of this file, or null when it holds no cell. */
  ofFile: (fileId: string) =>
    queryOptions({
      queryKey: ['notebooks', 'of', fileId],
      queryFn: async ({ signal }) =>
        (await read<Notebook[]>(`/notebooks?filter[file][id]=${fileId}`, signal)).data[0] ?? null,
    }),

  /** The newest runs of a notebook's tasks, newest first. */
  runs: (id: string) =>
    queryOptions({
      queryKey: ['task-runs', 'of', id],
      queryFn: async ({ signal }) =>
        (
          await read<TaskRun[]>(
            `/task-runs?filter[notebook][id]=${id}&sort=-insertedAt&page[limit]=100`,
            signal,
          )
        ).data,
    }),

  tasks: (id: string) =>
    queryOptions({
      queryKey: ['tasks', 'of', id],
      queryFn: async ({ signal }) =>
        (await readAll<Task>(`/notebooks/${id}/tasks`, signal)).toSorted(
          (a, b) => a.position - b.position,
        ),
    }),
};
