import { betterAuth } from 'better-auth';
import { genericOAuth } from 'better-auth/plugins';
import { v7 as uuidv7 } from 'uuid';
import type { Config } from '../config.ts';
import type { AuthDatabase } from './auth-database.ts';

export type Settings = Pick<Config, 'publicUrl' | 'secretKey' | 'providers'>;
export type BetterAuth = ReturnType<typeof createBetterAuth>;

const stamps = { createdAt: 'inserted_at', updatedAt: 'updated_at' };

/**
 * better-auth on our own tables, for the protocols of providers alone. An account is linked to one that
 * exists only when the address is verified on both sides; the provider's tokens are not kept.
 */
export function createBetterAuth(
  auth: AuthDatabase,
  basePath: string,
  { publicUrl, secretKey, providers }: Settings,
) {
  const { google, apple, oidc } = providers;
  const forgotten = { accessToken: null, refreshToken: null, idToken: null };
  const forget = async (account: Record<string, unknown>) => ({
    data: { ...account, ...forgotten },
  });
  const named = (profile: { name?: unknown; email?: unknown }) =>
    String(profile.name || String(profile.email ?? '').split('@')[0] || 'Somebody').slice(0, 200);
  return betterAuth({
    baseURL: publicUrl,
    basePath,
    secret: secretKey,
    database: auth.pool,
    telemetry: { enabled: false },
    logger: { disabled: true },
    rateLimit: { enabled: false },
    advanced: {
      database: { generateId: () => uuidv7() },
      useSecureCookies: publicUrl.startsWith('https:'),
    },
    socialProviders: {
      ...(google && {
        google: { ...google, mapProfileToUser: (profile) => ({ name: named(profile) }) },
      }),
      ...(apple && {
        apple: { ...apple, mapProfileToUser: (profile) => ({ name: named(profile) }) },
      }),
    },
    plugins: oidc
      ? [
          genericOAuth({
            config: [
              {
                providerId: 'oidc',
                discoveryUrl: `${oidc.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
                clientId: oidc.clientId,
                clientSecret: oidc.clientSecret,
                scopes: ['openid', 'email', 'profile'],
                pkce: true,
                requireIdTokenVerification: true,
                mapProfileToUser: (profile) => ({ name: named(profile) }),
              },
            ],
          }),
        ]
      : [],
    user: { modelName: 'users', fields: { emailVerified: 'email_verified', ...stamps } },
    session: {
      modelName: 'sessions',
      // Only until it is traded.
      expiresIn: 60,
      fields: {
        userId: 'user_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        ...stamps,
      },
    },
    account: {
      modelName: 'accounts',
      accountLinking: { enabled: true, trustedProviders: [], requireLocalEmailVerified: true },
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        ...stamps,
      },
    },
    verification: { modelName: 'verifications', fields: { expiresAt: 'expires_at', ...stamps } },
    databaseHooks: { account: { create: { before: forget }, update: { before: forget } } },
  });
}
