import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { htmlOf, type Mail, textOf } from '../../src/mail/mail.ts';
import { createMailer } from '../../src/mail/mailer.ts';
import { startServer } from '../support/server.ts';
import { type Sink, startSmtp } from './smtp.ts';

const id = '01890a5d-ac96-774b-bcce-b302099a8057';
const mail: Mail = {
  to: 'ann@example.com',
  subject: 'Grüße',
  paragraphs: ['First <b>.', 'Second.'],
  action: { label: 'Confirm', url: 'https://kyozo.example/confirm#token=a&b' },
};
const mailFrom = 'Kyozo <kyozo@example.com>';

let sink: Sink;
let dataDir: string;
beforeAll(async () => {
  sink = await startSmtp();
  dataDir = await mkdtemp(join(tmpdir(), 'kyozo-mail-'));
});
afterAll(async () => {
  await sink.close();
  await rm(dataDir, { recursive: true, force: true });
});

test('by SMTP a mail goes to its one address, as text and as HTML', async () => {
  const mailer = createMailer({ smtpUrl: sink.url, mailFrom, dataDir });
  await mailer.send(id, mail);
  mailer.close();
  expect(sink.received.map(({ from, to }) => ({ from, to }))).toEqual([
    { from: 'kyozo@example.com', to: ['ann@example.com'] },
  ]);
  const { text } = sink.received[0]!;
  expect(text).toContain('Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=');
  expect(text).toContain(`Message-ID: <${id}@kyozo>`);
  expect(text).toContain('Content-Type: text/plain');
  expect(text).toContain('Content-Type: text/html');
});

test('without SMTP it is a file, whole or not there, and once for two tries', async () => {
  const mailer = createMailer({ smtpUrl: undefined, mailFrom, dataDir });
  await mailer.send(id, mail);
  await mailer.send(id, mail);
  expect(await readdir(join(dataDir, 'mail'))).toEqual([`${id}.eml`]);
  expect(await readFile(join(dataDir, 'mail', `${id}.eml`), 'utf8')).toContain(
    'To: ann@example.com\r\n',
  );
});

test('text and HTML say the same, and HTML runs nothing', () => {
  expect(textOf(mail)).toMatch(
    /^First <b>\.\n\nConfirm:\nhttps:\/\/kyozo\.example\/confirm#token=a&b\n\nSecond\./,
  );
  expect(htmlOf(mail)).toContain('<p>First &lt;b&gt;.</p>');
  expect(htmlOf(mail)).toContain('href="https://kyozo.example/confirm#token=a&amp;b"');
});

describe('nothing becomes a further header or a further address', () => {
  test.each<[string, Partial<Mail>]>([
    ['a line end in the subject', { subject: 'x\r\nBcc: eve@example.com' }],
    ['a bare line feed in the subject', { subject: 'x\nBcc: eve@example.com' }],
    ['NUL in the subject', { subject: 'x\0' }],
    ['a line end in the address', { to: 'ann@example.com\r\nBcc: eve@example.com' }],
    ['two addresses', { to: 'ann@example.com,eve@example.com' }],
    ['a group', { to: 'all:ann@example.com,eve@example.com;' }],
    ['an address with a name', { to: 'Ann <eve@example.com>' }],
  ])('%s', async (_name, change) => {
    const mailer = createMailer({ smtpUrl: sink.url, mailFrom, dataDir });
    const before = sink.received.length;
    await expect(mailer.send(id, { ...mail, ...change })).rejects.toThrow('No ');
    expect(sink.received.length).toBe(before);
    mailer.close();
  });
});

test('the mailbox shows mails in development, and is not there otherwise', async () => {
  const server = await startServer({ development: true });
  const mailer = createMailer({ smtpUrl: undefined, mailFrom, dataDir: server.dataDir });
  await mailer.send(id, mail);
  const list = await fetch(`${server.url}/dev/mailbox`);
  expect([list.status, await list.text()]).toEqual([200, expect.stringContaining(`${id}.eml`)]);
  const shown = await fetch(`${server.url}/dev/mailbox/${id}.eml`);
  expect(shown.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await shown.text()).toContain('To: ann@example.com');
  for (const name of ['..%2f..%2fsecret-key', 'x.eml', `${id}.txt`])
    expect((await fetch(`${server.url}/dev/mailbox/${name}`)).status).toBe(404);
  await server.stop();
  const other = await startServer();
  expect((await fetch(`${other.url}/dev/mailbox`)).status).toBe(404);
  await other.stop();
});
