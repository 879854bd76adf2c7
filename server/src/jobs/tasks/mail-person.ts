import type { AuthQueries } from '../../accounts/auth-database.ts';
import type { MailLimits } from '../../accounts/mail-limits.ts';
import { mintToken } from '../../accounts/one-time-tokens.ts';
import { findPerson, type Person, passwordSetAt } from '../../accounts/passwords.ts';
import type { Mail } from '../../mail/mail.ts';
import type { Mailer } from '../../mail/mailer.ts';
import type { Task } from '../queue.ts';

/** `fromKnown` says that a device asked for it which has signed in to the address before. */
type Wanted = { email: string; fromKnown?: boolean } & (
  | { kind: 'registration' | 'reset' | 'magic-link' }
  /** One that is not due is a job for its time alone. */
  | { kind: 'confirmation'; isDue?: boolean }
  | { kind: 'email-change'; userId: string; passwordOf: string }
);

declare module '../queue.ts' {
  interface JobData {
    /** A mail with a token. Whether anyone has the address, and the token itself, only the job knows. */
    'mail-person': Wanted;
  }
}

/**
 * Writes a mail that proves an address, if there is reason to. The token is made here, so that no queue
 * and no log ever holds it; a second try makes another.
 */
export function mailPerson(parts: {
  queries: AuthQueries;
  mailLimits: MailLimits;
  mailer: Mailer;
  publicUrl: string;
}): Task<'mail-person'> {
  const { queries, mailLimits, mailer, publicUrl } = parts;
  return {
    name: 'mail-person',
    batch: 10,
    async run({ id, data }) {
      const person = await recipient(queries, data);
      if (!person) return;
      if (!(await mailLimits.allowsOwn(data.kind, data.email, data.fromKnown))) return;
      const kind = kindFor(data, person);
      if (kind === 'registration') {
        await mailer.send(id, accountExists(data.email, `${publicUrl}/sign-in`));
        return;
      }
      const token = await mintToken(queries, kind, person.id, data.email);
      const write = data.kind === 'registration' ? claimAccount : mailFor[kind];
      await mailer.send(id, write(data.email, link(publicUrl, kind, token)));
    },
  };
}

/**
 * Whoever registers with an address whose account was never confirmed may be another than its first
 * user: a reset takes what that one left.
 */
function kindFor({ kind }: Wanted, { emailVerified }: Person): Wanted['kind'] {
  return kind === 'registration' && !emailVerified ? 'reset' : kind;
}

async function recipient(queries: AuthQueries, wanted: Wanted): Promise<Person | undefined> {
  if (wanted.kind === 'confirmation' && wanted.isDue === false) return undefined;
  const holder = await findPerson(queries, { email: wanted.email });
  if (wanted.kind === 'email-change') {
    // What was asked for with a password that is another's now must not come true: the job may be late.
    const current = await passwordSetAt(queries, wanted.userId);
    // An address that somebody has already is told nothing, and neither is whoever asked.
    return holder || current !== wanted.passwordOf
      ? undefined
      : findPerson(queries, { id: wanted.userId });
  }
  if (wanted.kind === 'confirmation' && holder?.emailVerified) return undefined;
  return holder;
}

/** In the fragment, which no server and no log sees. */
type Linked = Exclude<Wanted['kind'], 'registration'>;
const pages: Record<Linked, string> = {
  confirmation: 'confirm',
  'email-change': 'confirm',
  reset: 'reset-password',
  'magic-link': 'magic-link',
};
const link = (publicUrl: string, kind: Linked, token: string) =>
  `${publicUrl}/${pages[kind]}#token=${token}`;

/** No name stands in them: whoever registers with another's address must not choose what they read. */
const mailFor: Record<Linked, (to: string, url: string) => Mail> = {
  confirmation: (to, url) => ({
    to,
    subject: 'Confirm your address',
    paragraphs: [
      'Somebody made an account at Kyozo Store with this address. If it was you, confirm that the address is yours.',
      'The link is good for three days. If it was not you, you need not do anything.',
    ],
    action: { label: 'Confirm the address', url },
  }),
  'email-change': (to, url) => ({
    to,
    subject: 'Confirm your new address',
    paragraphs: [
      'You asked to use this address for your account at Kyozo Store.',
      'The link is good for three days. If you did not ask for it, you need not do anything.',
    ],
    action: { label: 'Use this address', url },
  }),
  reset: (to, url) => ({
    to,
    subject: 'Reset your password',
    paragraphs: [
      'Somebody asked to reset the password of your account at Kyozo Store.',
      'The link is good for one hour and for one use. It signs you out everywhere. If you did not ask for it, you need not do anything: your password stays as it is.',
    ],
    action: { label: 'Set a new password', url },
  }),
  'magic-link': (to, url) => ({
    to,
    subject: 'Sign in to Kyozo Store',
    paragraphs: [
      'Here is the link that signs you in.',
      'It is good for ten minutes and for one use. If you did not ask for it, you need not do anything.',
    ],
    action: { label: 'Sign in', url },
  }),
};

const accountExists = (to: string, url: string): Mail => ({
  to,
  subject: 'You have an account already',
  paragraphs: [
    'Somebody tried to make an account at Kyozo Store with this address. It has one already: sign in to it, or reset its password there.',
    'Nothing was changed. If it was not you, you need not do anything.',
  ],
  action: { label: 'Sign in', url },
});

const claimAccount = (to: string, url: string): Mail => ({
  to,
  subject: 'Set your password',
  paragraphs: [
    'Somebody made an account at Kyozo Store with this address once more; the first one was never confirmed. If it was you, set a password now: the address is confirmed with it.',
    'The link is good for one hour and for one use. If it was not you, you need not do anything.',
  ],
  action: { label: 'Set a password', url },
});
