import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SendMailOptions } from 'nodemailer';
import { htmlOf, type Mail, textOf } from './mail.ts';

/** Hands mails over. The id is the same for a second try, so that a reader's program can tell. */
export interface Mailer {
  send(id: string, mail: Mail): Promise<void>;
  close(): void;
}

export type MailSettings = { smtpUrl: string | undefined; mailFrom: string; dataDir: string };

export const mailFolder = (dataDir: string): string => join(dataDir, 'mail');

/** By SMTP where it is set up; else each mail becomes a file in `DATA_DIR/mail`. */
export function createMailer(settings: MailSettings): Mailer {
  return settings.smtpUrl
    ? bySmtp(settings.smtpUrl, settings.mailFrom)
    : toFolder(mailFolder(settings.dataDir), settings.mailFrom);
}

function bySmtp(smtpUrl: string, from: string): Mailer {
  const open = async () =>
    (await load()).createTransport({
      url: smtpUrl,
      connectionTimeout: 20_000,
      greetingTimeout: 20_000,
      socketTimeout: 60_000,
    });
  let transport: ReturnType<typeof open> | undefined;
  return {
    async send(id, mail) {
      transport ??= open();
      await (await transport).sendMail(optionsOf(id, mail, from));
    },
    close: () => void transport?.then((opened) => opened.close()),
  };
}

function toFolder(folder: string, from: string): Mailer {
  return {
    async send(id, mail) {
      const transport = (await load()).createTransport({ streamTransport: true, buffer: true });
      const { message } = await transport.sendMail(optionsOf(id, mail, from));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `${id}.eml`);
      const written = `${path}.${randomBytes(4).toString('hex')}`;
      await writeFile(written, message as Buffer, { mode: 0o600, flush: true });
      await rename(written, path);
    },
    close: () => undefined,
  };
}

/** With the first mail: it takes 20 MB. */
const load = async () => (await import('nodemailer')).default;

/**
 * Addresses go as objects, never as text that would be parsed for further ones, and nothing that
 * becomes a header may hold a control character. @throws Error for one that does
 */
function optionsOf(id: string, mail: Mail, from: string): SendMailOptions {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const control = /[\u0000-\u001f\u007f]/;
  if (control.test(mail.to) || /[,;<>\s]/.test(mail.to)) throw new Error('No address.');
  if (control.test(mail.subject)) throw new Error('No subject.');
  return {
    from,
    to: { name: '', address: mail.to },
    subject: mail.subject,
    text: textOf(mail),
    html: htmlOf(mail),
    messageId: `<${id}@kyozo>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
