import { type ErrorCode, KyozoError } from '@kyozo/resource';

/** What a broken constraint means to the caller: the one place that knows their names. */
const constraints: Record<string, { message: string; pointer: string }> = {
  users_email: {
    message: 'This address is already registered.',
    pointer: '/data/attributes/email',
  },
  teams_slug: { message: 'This slug is taken.', pointer: '/data/attributes/slug' },
  workspaces_slug: {
    message: 'This team has a workspace with this slug.',
    pointer: '/data/attributes/slug',
  },
  files_path: {
    message: 'There is already a file at this path.',
    pointer: '/data/attributes/path',
  },
  files_folder: {
    message: 'There is a folder where this file would be, or a file where its folder would be.',
    pointer: '/data/attributes/path',
  },
  files_folder_case: {
    message: 'There is a folder whose name differs from this one only in case or form.',
    pointer: '/data/attributes/path',
  },
  files_workspace: {
    message: 'There is no such workspace.',
    pointer: '/data/relationships/workspace',
  },
  invitations_address: {
    message: 'This address is invited already; send that invitation again, or cancel it.',
    pointer: '/data/attributes/email',
  },
  notification_preferences_security_in_app: {
    message: 'Notifications about security are always shown.',
    pointer: '/data/attributes/inApp',
  },
  notification_preferences_security_mail: {
    message: 'Mails about security cannot be switched off.',
    pointer: '/data/attributes/mail',
  },
  passkeys_credential: {
    message: 'This passkey is known already.',
    pointer: '/data/attributes/response',
  },
  user_teams_member: {
    message: 'This person is already a member.',
    pointer: '/data/relationships/user',
  },
};

/** Codes of PostgreSQL (appendix A of its manual) that are the request's fault or a passing state. */
const codes: Record<string, { code: ErrorCode; message: string }> = {
  KY001: { code: 'unauthenticated', message: 'The credential or the membership has ended.' },
  KY010: {
    code: 'forbidden',
    message: 'The workspace is archived; take it out of the archive to change it.',
  },
  KY011: { code: 'conflict', message: 'The workspace is in the trash; restore it first.' },
  KY002: { code: 'conflict', message: 'A team needs an owner; make another one first.' },
  '23503': { code: 'not_found', message: 'A related record does not exist.' },
  '23505': { code: 'conflict', message: 'Such a record exists already.' },
  '23514': { code: 'invalid', message: 'A value is out of its range.' },
  '22P02': { code: 'invalid', message: 'A value has the wrong form.' },
  '22021': { code: 'invalid', message: 'A text holds a character that cannot be stored.' },
  '22P05': { code: 'invalid', message: 'A text holds a character that cannot be stored.' },
  '22003': { code: 'invalid', message: 'A number is out of range.' },
  // A row of an index holds 2,704 bytes, so a long path that does not compress cannot be stored.
  '54000': { code: 'invalid', message: 'A name or a path is too long.' },
  '53100': { code: 'storage_full', message: 'The database disk is full; nothing was changed.' },
  '57014': { code: 'unavailable', message: 'The query took too long.' },
  '55P03': { code: 'unavailable', message: 'Somebody else is changing this; try again.' },
  '40P01': { code: 'unavailable', message: 'Two changes waited for each other; try again.' },
};

/** Seconds after which it is worth a try again. */
const RETRY_AFTER = 2;

/** Turns a failure of the database into our error, for `.catch(fromDatabase)`. */
export function fromDatabase(cause: Error & { code?: string; constraint?: string }): never {
  const isBroken = cause.code?.startsWith('23') && cause.constraint;
  const constraint = isBroken ? constraints[isBroken] : undefined;
  const known = cause.code ? codes[cause.code] : undefined;
  if (known) {
    const { message, pointer } = constraint ?? { message: known.message, pointer: undefined };
    const source = pointer ? { pointer } : undefined;
    const meta = known.code === 'unavailable' ? { retryAfter: RETRY_AFTER } : undefined;
    throw new KyozoError(known.code, message, { source, meta, cause });
  }
  const passing =
    /^(08|57P|53)|^E[A-Z]+$/.test(cause.code ?? '') || /[Cc]onnect/.test(cause.message);
  if (passing)
    throw new KyozoError('unavailable', 'The database is not available just now.', {
      meta: { retryAfter: RETRY_AFTER },
      cause,
    });
  throw cause;
}
