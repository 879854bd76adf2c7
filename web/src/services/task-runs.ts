import { queryOptions } from '@tanstack/svelte-query';
import type { Output, TaskRun } from '../types/records.ts';
import { read, write } from './client.ts';
import { readServerEvents } from './server-events.ts';

const type = 'task-runs';

export const taskRuns = {
  start: async (taskId: string): Promise<TaskRun> =>
    (await write<TaskRun>('POST', `/tasks/${taskId}/runs`, { type, attributes: {} })).data,

  one: async (id: string): Promise<TaskRun> => (await read<TaskRun>(`/task-runs/${id}`)).data,

  /** The newest runs of the team, newest first. */
  recent: (count: number) =>
    queryOptions({
      queryKey: [type, 'recent', count],
      queryFn: async ({ signal }) =>
        (
          await read<TaskRun[]>(
            `/task-runs?sort=-insertedAt&include=task&page[limit]=${count}`,
            signal,
          )
        ).data,
    }),

  /** Outputs as they come, from the first after `after` until the run has ended. */
  async *follow(id: string, after: number, signal: AbortSignal): AsyncGenerator<Output> {
    const path = `/task-runs/${id}/outputs/stream`;
    for await (const { event, data } of readServerEvents(path, String(after), signal)) {
      if (event === 'end') return;
      yield JSON.parse(data) as Output;
    }
  },

  cancel: async (id: string): Promise<void> => {
    await write('DELETE', `/task-runs/${id}`);
  },
};
