import { queryOptions } from '@tanstack/svelte-query';
import type { NotificationPreference } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'notification-preferences';

export const notificationPreferences = {
  list: () =>
    queryOptions({
      queryKey: [type],
      queryFn: ({ signal }) => readAll<NotificationPreference>('/notification-preferences', signal),
    }),

  update: async (
    id: string,
    attributes: Partial<Pick<NotificationPreference, 'inApp' | 'mail'>>,
  ): Promise<void> => {
    await write('PATCH', `/notification-preferences/${id}`, { type, id, attributes });
  },
};
