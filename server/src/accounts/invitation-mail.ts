import type { Mail } from '../mail/mail.ts';
import { nameInMail } from '../mail/name.ts';

type Invited = { to: string; role: string; team: string; inviter: string | null; url: string };

/** The mail that carries an invitation's link. */
export function invitationMail({ to, role, team, inviter, url }: Invited): Mail {
  return {
    to,
    // Names are the inviter's to choose; none of them may become a header.
    subject: 'You are invited to a team',
    paragraphs: [
      `${inviter === null ? 'Somebody' : nameInMail(inviter)} invites you to the team ${nameInMail(team)}, as ${role}.`,
      'The link works once, for 48 hours, with an account of this address.',
    ],
    action: { label: 'Join the team', url },
  };
}
