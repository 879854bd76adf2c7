import { queryOptions } from '@tanstack/svelte-query';
import type { Invitation, InvitationPreview, Role, UserTeam } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'invitations';

export const invitations = {
  list: () =>
    queryOptions({
      queryKey: [type],
      queryFn: ({ signal }) =>
        readAll<Invitation>('/invitations?sort=-insertedAt&include=inviter', signal),
    }),

  /** Invites an address and resolves to the link, which the server shows this once. */
  create: async (email: string, role: Role): Promise<string> => {
    const { meta } = await write('POST', '/invitations', { type, attributes: { email, role } });
    return String(meta.url);
  },

  /** A new link; the earlier one is dead. */
  resend: async (id: string): Promise<string> =>
    String((await write('POST', `/invitations/${id}/resend`)).meta.url),

  cancel: async (id: string): Promise<void> => {
    await write('DELETE', `/invitations/${id}`);
  },

  /** Where a token leads. */
  preview: async (token: string): Promise<InvitationPreview> =>
    (await write('POST', '/invitations/preview', { type, attributes: { token } }))
      .meta as InvitationPreview,

  accept: async (token: string): Promise<UserTeam> =>
    (await write<UserTeam>('POST', '/invitations/accept', { type, attributes: { token } })).data,
};
