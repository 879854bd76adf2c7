import type { AuthQueries } from '../../accounts/auth-database.ts';
import type { MailLimits } from '../../accounts/mail-limits.ts';
import { mintToken } from '../../accounts/one-time-tokens.ts';
import { findPerson, type Person, passwordSetAt } from '../../accounts/passwords.ts';
import type { Mail } from '../../mail/mail.ts';
import type { Mailer } from '../../mail/mailer.ts';
import type { Task } from '../queue.ts';

type Wanted =
  | { kind: 'confirmation' | 'reset' | 'magic-link'; email: string }
  | { kind: 'email-change'; userId: string; email: string; passwordOf: string };

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
      if (!(await mailLimits.allowsOwn(data.kind, data.email))) return;
      const token = await mintToken(queries, data.kind, person.id, data.email);
      await mailer.send(id, mailFor[data.kind](data.email, link(publicUrl, data, token)));
    },
  };
}

async function recipient(queries: AuthQueries, wanted: Wanted): Promise<Person | undefined> {
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
const pages: Record<Wanted['kind'], string> = {
  confirmation: 'confirm',
  'email-change': 'confirm',
  reset: 'reset-password',
  'magic-link': 'magic-link',
};
const link = (publicUrl: string, { kind }: Wanted, token: string) =>
  `${publicUrl}/${pages[kind]}#token=${token}`;

/** No name stands in them: whoever registers with another's address must not choose what they read. */
const mailFor: Record<Wanted['kind'], (to: string, url: string) => Mail> = {
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
