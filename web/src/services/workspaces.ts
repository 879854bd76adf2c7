import { queryOptions } from '@tanstack/svelte-query';
import type { Workspace } from '../types/records.ts';
import { read, readAll, write } from './client.ts';

const type = 'workspaces';

export const workspaces = {
  list: () =>
    queryOptions({
      queryKey: [type, 'list'],
      queryFn: ({ signal }) => readAll<Workspace>('/workspaces?sort=name', signal),
    }),

  one: (id: string) =>
    queryOptions({
      queryKey: [type, id],
      queryFn: async ({ signal }) => (await read<Workspace>(`/workspaces/${id}`, signal)).data,
    }),

  create: async (name: string): Promise<Workspace> =>
    (await write<Workspace>('POST', '/workspaces', { type, attributes: { name } })).data,

  rename: async (id: string, name: string): Promise<void> => {
    await write('PATCH', `/workspaces/${id}`, { type, id, attributes: { name } });
  },

  /** Those in the trash, the newest first. */
  trashed: () =>
    queryOptions({
      queryKey: [type, 'trashed'],
      queryFn: ({ signal }) =>
        readAll<Workspace>('/workspaces?filter[deletedAt][is_nil]=false&sort=-deletedAt', signal),
    }),

  trash: async (id: string): Promise<void> => {
    await write('DELETE', `/workspaces/${id}`);
  },

  restore: async (id: string): Promise<void> => {
    await write('POST', `/workspaces/${id}/restore`);
  },

  /** Removes it for good. */
  purge: async (id: string): Promise<void> => {
    await write('POST', `/workspaces/${id}/purge`);
  },

  archive: async (id: string): Promise<void> => {
    await write('POST', `/workspaces/${id}/archive`);
  },

  unarchive: async (id: string): Promise<void> => {
    await write('DELETE', `/workspaces/${id}/archive`);
  },
};

/** The address that `git clone` takes. */
export function cloneAddress(teamSlug: string, workspaceSlug: string): string {
  return `${location.origin}/git/${teamSlug}/${workspaceSlug}.git`;
}
