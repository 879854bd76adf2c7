import { createHash, randomBytes } from 'node:crypto';
import {
  type Actor,
  forbidden,
  KyozoError,
  notFound,
  personOf,
  type Role,
  type Values,
} from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import { type Call, type Performer, type Performers, stale } from '../actions.ts';
import type { Database, Queries, Transaction } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import type { Mail } from '../mail/mail.ts';
import { type Records, valuesOf } from '../records.ts';
import type { Authenticator } from './authenticate.ts';
import { invitation } from './invitation.ts';
import { invitationMail } from './invitation-mail.ts';
import type { MailLimits } from './mail-limits.ts';
import type { Notifier } from './notifier.ts';
import { guardOwners } from './roles.ts';
import { userTeam } from './user-team.ts';

type Issuing = {
  queries: Queries;
  publicUrl: string;
  /** Sends a mail once the transaction commits. */
  post(mail: Mail, transaction: Transaction): Promise<void>;
  notifier: Notifier;
  mailLimits: MailLimits;
};
type Parts = Issuing & {
  database: Database;
  records: Records;
  authenticator: Authenticator;
  /** Limits how often one client may show a token that nobody has. */
  guarded(performer: Performer): Performer;
};

type Accepted = {
  outcome: 'accepted' | 'none' | 'other' | 'member';
  team: string;
  inviter: string | null;
};

const lifetime = 48 * 3_600_000;
const hashOf = (token: string) => createHash('sha256').update(token).digest();
/** One answer for a token that never was, has ended, was used or cancelled. */
const gone = () => notFound('This invitation is not valid, or not any more.');

/** Inviting to a team. A token is kept as its hash alone, so it is shown once. */
export function invitationChanges(parts: Issuing): Performers {
  return {
    async 'invitations.create'({ actor, input }: Call) {
      const { email, role } = input.values as { email: string; role: Role };
      guardOwners(actor, role);
      const values = { ...input.values, inviterId: personOf(actor) ?? null, teamId: actor.teamId };
      return issue(parts, actor, 'insert', uuidv7(), values, async (transaction) => {
        const [member] = await transaction.rows(
          sql`select from user_teams m join users u on u.id = m.user_id
            where m.team_id = ${actor.teamId} and address_key(u.email) = address_key(${email})`,
        );
        if (!member) return;
        throw new KyozoError('conflict', 'This person is already a member.', {
          source: { pointer: '/data/attributes/email' },
        });
      });
    },

    async 'invitations.resend'({ actor, record, ifVersion }: Call) {
      guardOwners(actor, (valuesOf(invitation, record!) as { role: Role }).role);
      return issue(parts, actor, 'update', record!.id, {}, async () => undefined, ifVersion);
    },
  };
}

/** All of invitations: what only changes the team's rows, and what is done from outside the team. */
export function invitationPerformers(parts: Parts): Performers {
  const { database, records, authenticator } = parts;
  return {
    ...invitationChanges(parts),

    'invitations.preview-invitation': parts.guarded(async ({ input }: Call) => {
      const hash = hashOf(input.arguments.token as string);
      const [found] = await database.system<Record<string, unknown>>(
        sql`select * from preview_invitation(${hash})`,
      );
      if (!found) throw gone();
      return { meta: { ...found } };
    }),

    'invitations.accept-invitation': parts.guarded(async ({ actor, input }: Call) => {
      if (actor.credential.kind !== 'session') {
        throw forbidden('Only a signed-in person accepts an invitation.');
      }
      const id = uuidv7();
      const hash = hashOf(input.arguments.token as string);
      const found = await database.transaction(actor, async (transaction) => {
        const [answer] = await transaction.rows<Accepted>(
          sql`select * from accept_invitation(${hash}, ${id})`,
        );
        if (answer!.inviter) await parts.notifier.mail(transaction);
        return answer!;
      });
      const { outcome, team, inviter } = found;
      if (outcome === 'none') throw gone();
      if (outcome === 'other') throw forbidden('This invitation is for another address.');
      if (outcome === 'member') throw new KyozoError('conflict', 'You are already a member.');
      parts.notifier.wake(database, inviter);
      const own = await authenticator.standing(actor.userId, actor.credential.id, team);
      return { row: await records.one(own, userTeam, id), actor: own };
    }),
  };
}

/** Writes an invitation with a new token, mails it, and tells whoever has an account with its address. */
async function issue(
  { queries, publicUrl, post, notifier, mailLimits }: Issuing,
  actor: Actor,
  kind: 'insert' | 'update',
  id: string,
  given: Values,
  check: (transaction: Transaction) => Promise<void>,
  ifVersion?: string,
): Promise<{ row: Row; meta: { url: string; token: string; mailed?: false } }> {
  const token = randomBytes(32).toString('base64url');
  const url = `${publicUrl}/invitation#token=${token}`;
  const expiresAt = new Date(Date.now() + lifetime).toISOString();
  const values = { ...given, hash: hashOf(token), expiresAt };
  const event = invitation.events[kind === 'insert' ? 'create' : 'resend'];
  const change = { kind, resource: invitation, id, values, event };
  const { row, person, mailed } = await queries.transaction(actor, async (transaction) => {
    await check(transaction);
    const [written] = await transaction.text(changeStatement(actor, change, ifVersion));
    if (!written) throw ifVersion === undefined ? notFound() : stale();
    const row = rowOf({ resource: invitation, sort: [] }, written);
    const [invited] = await transaction.rows<{
      person: string | null;
      team: string;
      inviter: string | null;
    }>(
      sql`select notify_invited(${id}) as person, t.name as team,
          (select name from users where id = ${personOf(actor) ?? null}) as inviter
        from teams t where t.id = ${actor.teamId}`,
    );
    const { email, role } = valuesOf(invitation, row) as { email: string; role: Role };
    const { person, team, inviter } = invited!;
    const mailed = await mailLimits.invitation(actor, email);
    await notifier.mail(transaction);
    if (mailed) await post(invitationMail({ to: email, role, team, inviter, url }), transaction);
    return { row, person, mailed };
  });
  notifier.wake(queries, person);
  return { row, meta: { url, token, ...(mailed ? {} : { mailed }) } };
}
