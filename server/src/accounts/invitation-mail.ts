export type Mail = { to: string; subject: string; text: string; html: string };

type Invited = { to: string; role: string; team: string; inviter: string | null; url: string };

/** The mail that carries an invitation's link. */
export function invitationMail({ to, role, team, inviter, url }: Invited): Mail {
  const article = role === 'member' ? 'a' : 'an';
  const sentence = `${inviter ?? 'Somebody'} invites you to the team ${team} as ${article} ${role}.`;
  const hint = 'The link works once, for 48 hours, with an account of this address.';
  return {
    to,
    subject: `Invitation to ${team}`,
    text: `${sentence}\n\n${url}\n\n${hint}\n`,
    html: `<p>${escapeHtml(sentence)}</p><p><a href="${escapeHtml(url)}">Join the team</a></p><p>${hint}</p>`,
  };
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character]!);
