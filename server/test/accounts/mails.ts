import type { Received, Sink } from '../mail/smtp.ts';

/** The text of a mail, out of its quoted-printable form. */
export const plain = ({ text }: Received): string =>
  Buffer.from(
    text
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      ),
    'latin1',
  ).toString();

/** The token of the next unread mail to an address whose link leads to a page. */
export async function tokenTo(sink: Sink, address: string, page: string): Promise<string> {
  const link = new RegExp(`/${page}#token=([\\w-]{43})`);
  const mail = await sink.next((it) => it.to.includes(address) && link.test(plain(it)));
  sink.received.splice(sink.received.indexOf(mail), 1);
  return link.exec(plain(mail))![1]!;
}
