import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sink, startSmtp } from '../mail/smtp.ts';
import { Person } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { plain, tokenTo } from './mails.ts';

let sink: Sink;
let server: TestServer;
beforeAll(async () => {
  sink = await startSmtp();
  server = await startServer({
    ...{ smtpUrl: sink.url, confirmation: 'optional', magicLink: true, signInsPerMinute: 1_000 },
  });
});
afterAll(async () => {
  await server.stop();
  await sink.close();
});

const device = 'a-device-of-the-owner-0123456789';
const post = (path: string, attributes: object, from?: string) =>
  new Person(server.url).request(`/users/${path}`, {
    method: 'POST',
    headers: from ? { 'kyozo-device': from } : {},
    body: { data: { type: 'users', attributes } },
  });
const password = 'correct horse battery';
const ask = async (email: string, times: number, from?: string) => {
  for (let index = 0; index < times; index++)
    expect((await post('magic-link', { email }, from)).status).toBe(202);
};
/** How many links have been mailed to an address, once nothing is left to mail. */
async function linksTo(email: string): Promise<number> {
  const waiting = `select 1 from jobs.job where name = 'mail-person' and state in ('created', 'retry', 'active')`;
  await expect.poll(() => server.query(waiting), { timeout: 20_000 }).toEqual([]);
  return sink.received.filter((it) => it.to.includes(email) && plain(it).includes('/magic-link#'))
    .length;
}

describe('S5 strangers who ask for mails keep nobody from signing in by one', () => {
  test('a device that is known is mailed when they have used up theirs, within its own bound', async () => {
    const email = 'known@example.com';
    await post('register', { name: 'Ann', email, password }, device);
    await ask(email, 11);
    await ask(email, 1, 'a-device-of-nobody-0123456789abc');
    expect(await linksTo(email)).toBe(10);
    await ask(email, 1, device);
    expect(await linksTo(email)).toBe(11);
    await ask(email, 10, device);
    expect(await linksTo(email)).toBe(20);
  });

  test('when the links that they asked for have ended, the next one is mailed', async () => {
    const email = 'unknown@example.com';
    await post('register', { name: 'Ann', email, password });
    await ask(email, 11);
    expect(await linksTo(email)).toBe(10);
    for (const table of ['attempts set ends_at', 'one_time_tokens set expires_at'])
      await server.query(`update ${table} = ${table.split(' ')[2]} - interval '10 minutes'`);
    sink.received.length = 0;
    await ask(email, 1);
    expect(await linksTo(email)).toBe(1);
    const token = await tokenTo(sink, email, 'magic-link');
    expect((await post('magic-link/sign-in', { token })).status).toBe(200);
  });
});
