/** Showing who one is, and what ends with an old password. */
export const proof = {
  ended: {
    title: 'These end too',
    revokeApiKeys: 'My API keys',
    revokePasskeys: 'My passkeys',
    revokeProviders: 'Signing in with other accounts of mine',
    hint: 'Keep only what you are sure that nobody else has added.',
  },
  title: 'Show that it is you',
  text: 'Changes to how you sign in ask for this after five minutes.',
  goOn: 'Go on',
  withPasskey: 'Use a passkey',
  otherwise: 'Sign in again instead',
  currentPassword: 'Current password',
};
