import { queryOptions } from '@tanstack/svelte-query';
import type { Passkey } from '../types/records.ts';
import { readAll, write } from './client.ts';

const type = 'passkeys';

/** Devices that sign the person in; the code that talks to them loads when it is needed. */
export const passkeys = {
  list: () =>
    queryOptions({
      queryKey: [type],
      queryFn: ({ signal }) => readAll<Passkey>('/passkeys?sort=insertedAt', signal),
    }),

  /** Asks this device, or one that it reaches, to become a passkey. @throws when the person declines */
  add: async (name: string): Promise<void> => {
    const { startRegistration } = await import('@simplewebauthn/browser');
    const { meta } = await write('POST', '/users/passkeys/challenge');
    const response = await startRegistration({ optionsJSON: meta.options as never });
    await write('POST', '/passkeys', { type, attributes: { name, response } });
  },

  /** A signed challenge, for signing in. @throws when the person declines */
  sign: async (): Promise<unknown> => {
    const { startAuthentication } = await import('@simplewebauthn/browser');
    const { meta } = await write('POST', '/users/passkey/challenge');
    return startAuthentication({ optionsJSON: meta.options as never });
  },

  rename: async (id: string, name: string): Promise<void> => {
    await write('PATCH', `/passkeys/${id}`, { type, id, attributes: { name } });
  },

  remove: async (id: string): Promise<void> => {
    await write('DELETE', `/passkeys/${id}`);
  },
};
