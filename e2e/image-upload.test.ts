import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { goToEnd, newDocument, newPerson, register, signedInByApi } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('13.B6 an image that cannot be uploaded says so, and leaves no empty file', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Ada', 'ada@example.org');
  const api = await signedInByApi(server.url, 'ada@example.org');
  await newDocument(page, 'Pictures');
  const names = async () =>
    (await api.get<{ attributes: { name: string } }[]>('/files?page[limit]=100')).body.data.map(
      ({ attributes }) => attributes.name,
    );
  const before = await names();
  await page.route('**/content', (route) =>
    route.request().method() === 'PUT' ? route.abort() : route.continue(),
  );
  await goToEnd(page);
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(['no picture'], 'shot.png', { type: 'image/png' }));
    const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true });
    document.querySelector('.elim-text')!.dispatchEvent(event);
  });
  await page.getByText('“shot.png” could not be uploaded').waitFor();
  await expect.poll(names).toEqual(before);
  expect(await page.locator('.elim-text img').count()).toBe(0);
  await page.context().close();
});
