import type { Mail } from '../mail/mail.ts';
import { nameInMail } from '../mail/name.ts';

export type Told = { kind: string; data: Record<string, unknown>; at: Date };

/** What each kind says, in a sentence. */
const sentences: Record<string, (data: Record<string, unknown>) => string> = {
  'invitation.received': ({ team, role, inviter }) =>
    `${inviter ?? 'Somebody'} invites you to the team ${team} as ${role}.`,
  'invitation.accepted': ({ team, person, role }) => `${person} has joined ${team} as ${role}.`,
  'membership.role-changed': ({ team, role }) => `Your role in ${team} is now ${role}.`,
  'membership.removed': ({ team }) => `You are no longer a member of ${team}.`,
  'team.deleted': ({ team }) => `The team ${team} was deleted.`,
  'security.refresh-reuse': () =>
    'A token of yours was used twice, so that session was ended. If you did not do this, change your password.',
  'security.password-changed': () =>
    'Your password was changed. If you did not do this, reset it now.',
  'security.second-factor-changed': () =>
    'Your second factor was changed. If you did not do this, change your password.',
  'security.email-changed': () =>
    'The address of your account was changed. If you did not do this, write to who runs this server.',
  'storage.damaged': ({ team, damaged, missing }) =>
    `Of the files of ${team}, ${damaged} contents are damaged and ${missing} missing. Whoever runs this server can bring them back from a backup.`,
  'security.passkey-changed': () =>
    'Your passkeys were changed. If you did not do this, change your password.',
};

/** One notification as a mail. */
export function notificationMail(to: string, told: Told, publicUrl: string): Mail {
  return {
    to,
    subject: told.kind.startsWith('security.') ? 'About your account' : 'From Kyozo Store',
    paragraphs: [sentenceOf(told), footer],
    action: actionOf(publicUrl),
  };
}

/** A day's notifications of one person as one mail, oldest first. */
export function digestMail(to: string, all: readonly Told[], publicUrl: string): Mail {
  const count = all.length === 1 ? 'One notification' : `${all.length} notifications`;
  const lines = all.slice(0, longest).map((told) => `${timeOf(told.at)}: ${sentenceOf(told)}`);
  const rest = all.length > longest ? [`And ${all.length - longest} more.`] : [];
  return {
    to,
    subject: `${count} from Kyozo Store`,
    paragraphs: [`${count} since the last mail.`, ...lines, ...rest, footer],
    action: actionOf(publicUrl),
  };
}

const longest = 100;
const footer = 'What is mailed, and when, is yours to set.';
const sentenceOf = ({ kind, data }: Told) => sentences[kind]?.(shownIn(data)) ?? kind;
const names = ['team', 'inviter', 'person'];
/** Names are what others chose. */
const shownIn = (data: Told['data']) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      names.includes(key) && value !== null ? nameInMail(value) : value,
    ]),
  );
const timeOf = (at: Date) => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const actionOf = (publicUrl: string) => ({
  label: 'Notifications',
  url: `${publicUrl}/settings/notifications`,
});
