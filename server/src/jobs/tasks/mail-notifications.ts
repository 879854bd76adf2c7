import { digestMail, notificationMail, type Told } from '../../accounts/notification-mail.ts';
import { type Database, noTeam, type Transaction } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Mail } from '../../mail/mail.ts';
import type { Task } from '../queue.ts';
import type { Post } from './send-mail.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Mails what waits to be mailed at once. */
    'mail-notifications': object;
    /** Mails each person what has gathered in a day. */
    'send-digests': object;
  }
}

type Parts = { database: Database; post: Post; publicUrl: string };
type Claimed = Told & { person: string; address: string; wanted: boolean };
/** People whose mails are posted in one transaction. */
const step = 50;

/** Added with what it mails; each minute too, for what other programs of the database have written. */
export function mailNotifications(parts: Parts): Task<'mail-notifications'> {
  return {
    name: 'mail-notifications',
    cron: '* * * * *',
    run: () =>
      mailAll(parts, 'immediate', (claimed) =>
        claimed.map((it) => notificationMail(it.address, it, parts.publicUrl)),
      ),
  };
}

/** At 07:00 UTC: one mail a person. */
export function sendDigests(parts: Parts): Task<'send-digests'> {
  return {
    name: 'send-digests',
    cron: '0 7 * * *',
    run: () =>
      mailAll(parts, 'daily', (claimed) =>
        [...Map.groupBy(claimed, ({ person }) => person).values()].map((own) =>
          digestMail(own[0]!.address, own, parts.publicUrl),
        ),
      ),
  };
}

/** What is claimed is posted in one transaction, so a kill loses and doubles nothing. */
async function mailAll(
  { database, post }: Parts,
  which: 'immediate' | 'daily',
  mailsOf: (claimed: Claimed[]) => Mail[],
): Promise<void> {
  const some = async (transaction: Transaction) => {
    const claimed = await transaction.rows<Claimed>(
      sql`select * from claim_mails(${which}, ${step})`,
    );
    for (const mail of mailsOf(claimed.filter(({ wanted }) => wanted)))
      await post(mail, transaction);
    return claimed.length;
  };
  while ((await database.transaction(noTeam, some)) > 0);
}
