import type { Tokens } from '../types/records.ts';
import { write } from './client.ts';
import { tokens } from './tokens.ts';

const type = 'users';
const act = (path: string, attributes: Record<string, unknown>) =>
  write('POST', `/users/${path}`, { type, attributes });

/** What ends with an old password. */
export type Ended = { revokeApiKeys: boolean; revokePasskeys: boolean; revokeProviders: boolean };
export const allEnded = (): Ended => ({
  revokeApiKeys: true,
  revokePasskeys: true,
  revokeProviders: true,
});

/** What people do to their own account, beside signing in and out. */
export const users = {
  rename: async (id: string, name: string): Promise<void> => {
    await write('PATCH', `/users/${id}`, { type, id, attributes: { name } });
  },

  sendConfirmation: (email: string) => act('send-confirmation', { email }),
  confirm: (token: string) => act('confirm', { token }),
  forgotPassword: (email: string) => act('forgot-password', { email }),
  resetPassword: (token: string, password: string, ended: Ended) =>
    act('reset-password', { token, password, ...ended }),
  /** Shows once more that it is the person: one of the three. */
  prove: (proof: { currentPassword: string } | { code: string } | { response: unknown }) =>
    act('prove', proof),
  sendMagicLink: (email: string) => act('magic-link', { email }),

  /** Every session ends; this device goes on in the new one that the answer brings. */
  changePassword: async (currentPassword: string, password: string, ended: Ended) => {
    const attributes = { currentPassword, password, ...ended };
    const path = '/users/change-password';
    await tokens.replace(
      async () =>
        (await write('POST', path, { type, attributes }, { renews: false })).meta as Tokens,
    );
  },
  changeEmail: (email: string, currentPassword: string) =>
    act('change-email', { email, currentPassword }),

  enrollSecondFactor: async (currentPassword: string) =>
    (await act('two-factor/enroll', { currentPassword })).meta as { secret: string; uri: string },
  enableSecondFactor: async (code: string) => codesOf(await act('two-factor/enable', { code })),
  disableSecondFactor: (currentPassword: string, code: string) =>
    act('two-factor/disable', { currentPassword, code }),
  renewRecoveryCodes: async (currentPassword: string, code: string) =>
    codesOf(await act('two-factor/recovery-codes', { currentPassword, code })),

  deleteAccount: (currentPassword: string) => act('delete-account', { currentPassword }),
};

function codesOf({ meta }: { meta: Record<string, unknown> }): string[] {
  return meta.recoveryCodes as string[];
}
