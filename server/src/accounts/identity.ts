import { createHash } from 'node:crypto';
import { invalid, KyozoError, malformed } from '@kyozo/resource';
import bcrypt from 'bcrypt';
import { betterAuth } from 'better-auth';
import { isAPIError } from 'better-auth/api';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';

const cost = 10;
/** bcrypt reads 72 bytes and stops at a NUL; hashing first keeps every character of the password. */
const digest = (password: string) =>
  createHash('sha256').update(password.normalize('NFC')).digest('base64');

const stamps = { createdAt: 'inserted_at', updatedAt: 'updated_at' };

/** better-auth on our own tables; it does the protocol work of passwords and sessions. */
export function createIdentity(options: {
  pool: pg.Pool;
  secretKey: string;
  publicUrl: string;
  refreshTtl: number;
}) {
  return betterAuth({
    baseURL: options.publicUrl,
    secret: options.secretKey,
    database: options.pool,
    telemetry: { enabled: false },
    logger: { disabled: true },
    // Guessing is limited in front of both APIs, not in better-auth's own routes, which are not served.
    rateLimit: { enabled: false },
    advanced: { database: { generateId: () => uuidv7() } },
    user: { modelName: 'users', fields: { emailVerified: 'email_verified', ...stamps } },
    session: {
      modelName: 'sessions',
      expiresIn: options.refreshTtl,
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
    emailAndPassword: {
      enabled: true,
      minPasswordLength: 8,
      maxPasswordLength: 1_000,
      password: {
        hash: (password) => bcrypt.hash(digest(password), cost),
        verify: ({ hash, password }) => bcrypt.compare(digest(password), hash),
      },
    },
  });
}

export type Identity = ReturnType<typeof createIdentity>;

/** How better-auth says that an account could not be stored; why, it keeps to itself. */
export const failedToCreate = 'FAILED_TO_CREATE_USER';
/** The code of an error of better-auth's. */
export const codeOf = (error: unknown): string =>
  (isAPIError(error) && (error.body as { code?: string } | undefined)?.code) || '';

/** Turns better-auth's errors into ours; the same answer for an unknown address and a wrong password. */
export function fromIdentity(cause: unknown): never {
  if (!isAPIError(cause)) throw cause;
  const code = codeOf(cause);
  if (code.startsWith('USER_ALREADY_EXISTS')) {
    throw new KyozoError('conflict', 'This address is already registered.', {
      source: { pointer: '/data/attributes/email' },
      cause,
    });
  }
  if (cause.statusCode === 401 || code === 'INVALID_EMAIL_OR_PASSWORD') {
    throw new KyozoError('unauthenticated', 'The address or the password is wrong.', { cause });
  }
  // Its rule for addresses is narrower than ours, and it checks nothing else that has passed ours.
  if (code === 'INVALID_EMAIL' || code === 'VALIDATION_ERROR') {
    throw invalid('email must be an e-mail address.', { pointer: '/data/attributes/email' });
  }
  if (code === failedToCreate)
    throw new KyozoError('unavailable', 'The account could not be made just now.', { cause });
  throw malformed('The credentials were not accepted.', { pointer: '/data/attributes' });
}
