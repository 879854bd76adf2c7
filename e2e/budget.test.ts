import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { newPerson, register, signIn } from './person.ts';
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

test('13.B4 the frame and the dashboard need at most 180 KiB of script, as the server sends it', async () => {
  const maker = await newPerson(browser, server.url);
  await register(maker, 'Ada Lovelace', 'ada@example.org');
  await maker.context().close();

  const page = await newPerson(browser, server.url);
  const scripts = new Map<string, number>();
  page.on('requestfinished', async (request) => {
    if (!request.url().endsWith('.js')) return;
    scripts.set(request.url(), (await request.sizes()).responseBodySize);
  });
  await signIn(page, 'ada@example.org');
  await page.waitForLoadState('load');
  const sum = [...scripts.values()].reduce((all, each) => all + each, 0);
  expect(scripts.size).toBeGreaterThan(3);
  expect(sum).toBeLessThanOrEqual(180 * 1024);
  await page.context().close();
});

test('nothing is asked of another host, and the policy blocks nothing of ours', async () => {
  const page = await newPerson(browser, server.url);
  const strangers: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && /^https?:/u.test(request.url())) {
      strangers.push(request.url());
    }
  });
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  await register(page, 'Grace Hopper', 'grace@example.org');
  await page.getByRole('link', { name: 'Notebook.md' }).first().click();
  await page.locator('[data-document=saved]').waitFor();
  expect(strangers).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});
