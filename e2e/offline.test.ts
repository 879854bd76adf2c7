import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { goToEnd, newDocument, newPerson, openText, register } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  page = await newPerson(browser, server.url);
  await register(page, 'Ada', 'ada@example.org');
  await newDocument(page, 'Away');
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** The seconds that are promised, and as much for a machine that runs other tests. */
const soon = 4_000;
const state = (name: string, timeout = soon) =>
  page.locator(`[data-document=${name}]`).waitFor({ timeout });

test('13.B6 the document says Offline soon after the browser does, and is back as soon', async () => {
  await goToEnd(page);
  await page.context().setOffline(true);
  await state('offline');
  await page.keyboard.type(' typed offline');
  await page.context().setOffline(false);
  await state('saved');
});

test('13.B6 after a restart of the server the document is back at once', async () => {
  await server.leave(async () => {
    await state('offline');
    await goToEndOffline();
    await page.keyboard.type(' while it was away');
    // Long enough for the provider to pause for many seconds.
    await sleep(8_000);
  });
  await state('saved');
});

test('13.B6 a server that freezes is noticed while somebody types, and its return too', async () => {
  await goToEnd(page);
  execFileSync('kill', ['-STOP', String(server.pid())]);
  try {
    await page.keyboard.type(' into the ice');
    await state('offline', 12_000);
  } finally {
    await sleep(Number(process.env.FREEZE ?? 5_000));
    execFileSync('kill', ['-CONT', String(server.pid())]);
  }
  await state('saved');
  await page.reload();
  const text = await openText(page);
  for (const part of ['typed offline', 'while it was away', 'into the ice'])
    await expect.poll(() => text.textContent()).toContain(part);
});

test('13.B3 a missing part of the app says that one is offline, and a reload mends it', async () => {
  await page.goto('/');
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
  await page.context().setOffline(true);
  await page.getByRole('link', { name: 'Settings' }).first().click();
  await page.getByText('You are offline, and this part').waitFor();
  await page.context().setOffline(false);
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.getByRole('link', { name: 'Settings' }).first().click();
  await page.getByRole('heading', { name: 'Profile' }).first().waitFor();
});

test('13.B3 after an upgrade a missing part says that a new version is ready', async () => {
  await page.goto('/');
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
  await page.route('**/assets/*', (route) => route.fulfill({ status: 404, body: '' }));
  await page.getByRole('link', { name: 'Trash' }).first().click();
  await page.getByText('A new version is ready').waitFor();
  await page.unroute('**/assets/*');
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.getByRole('link', { name: 'Trash' }).first().click();
  await page.getByRole('heading', { name: 'The trash is empty' }).waitFor();
});

async function goToEndOffline(): Promise<void> {
  await page.getByRole('textbox', { name: 'Text of the document' }).focus();
  await page.keyboard.press('Control+End');
}
