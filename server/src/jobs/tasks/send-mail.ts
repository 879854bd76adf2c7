import type { Mail } from '../../mail/mail.ts';
import type { Mailer } from '../../mail/mailer.ts';
import { seal, unseal } from '../../sealed.ts';
import type { Queue, Task, Within } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** A mail, sealed: links in it are credentials, and jobs are kept for a week. */
    'send-mail': { sealed: string };
  }
}

/** Posts a mail; within a transaction it is sent when, and only when, that commits. */
export type Post = (mail: Mail, within?: Within) => Promise<void>;

export function createPost(queue: Queue, secretKey: string): Post {
  return (mail, within) => {
    const sealed = seal(JSON.stringify(mail), secretKey, 'mail').toString('base64');
    return queue.add('send-mail', { sealed }, within);
  };
}

/** Sends one mail. After a kill it may be sent again, with the same Message-ID. */
export function sendMail(mailer: Mailer, secretKey: string): Task<'send-mail'> {
  return {
    name: 'send-mail',
    // A batch that is cut off is sent again.
    batch: 10,
    async run({ id, data }) {
      const mail = JSON.parse(unseal(Buffer.from(data.sealed, 'base64'), secretKey, 'mail'));
      await mailer.send(id, mail as Mail);
    },
  };
}
