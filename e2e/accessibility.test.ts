import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { furnishTeam } from './furnish.ts';
import { newPerson, register } from './person.ts';
import { outside, type Place, places } from './places.ts';
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

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  let stranger: Page;
  let page: Page;

  beforeAll(async () => {
    [stranger, page] = [await newPerson(browser, server.url), await newPerson(browser, server.url)];
    for (const each of [stranger, page]) {
      await each.addInitScript((name) => localStorage.setItem('kyozo.theme', name), theme);
    }
    await register(page, 'Ada Lovelace', `${theme}@example.org`);
    const guest = await newPerson(browser, server.url);
    await furnishTeam(page, guest);
    await guest.context().close();
  });

  test.each(outside)('$name has no fault that axe knows', (place) => check(stranger, place));

  test.each(places)('$name has no fault that axe knows', (place) => check(page, place));
});

async function check(page: Page, place: Place): Promise<void> {
  await place.open(page);
  const { violations, passes } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .disableRules(place.isMenu ? ['region'] : [])
    .analyze();
  expect(violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)])).toEqual([]);
  expect(passes.length).toBeGreaterThan(10);
}
