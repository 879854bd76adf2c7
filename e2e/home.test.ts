import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { newPerson, register } from './person.ts';
import { type Server, startServer } from './server.ts';
import { clone } from './working-copy.ts';

let server: Server;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  page = await newPerson(browser, server.url);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('13.B7 a push of many files takes one row of what changed recently', async () => {
  await register(page, 'Radia Perlman', 'radia@example.org');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  const work = await clone(page, 'radia@example.org');
  const names = Array.from({ length: 40 }, (_, at) => `pushed-${at}.md`);
  await work.push('main', Object.fromEntries(names.map((name) => [name, `# ${name}\n`])));
  await page.goto(server.url);
  const rows = page.getByRole('region', { name: 'Recently changed' }).getByRole('listitem');
  await page.getByText('and 39 more').waitFor();
  expect(await rows.filter({ hasText: 'pushed' }).count()).toBe(1);
  expect(await rows.filter({ hasText: 'Welcome' }).count()).toBe(1);
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const needed = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(needed).toBeLessThanOrEqual(width);
  }
  await work.remove();
});
