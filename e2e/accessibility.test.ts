import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { furnishBranch, furnishTeam } from './furnish.ts';
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

let stranger: Page;
let page: Page;

beforeAll(async () => {
  [stranger, page] = [await newPerson(browser, server.url), await newPerson(browser, server.url)];
  await register(page, 'Ada Lovelace', 'ada@example.org');
  await furnishBranch(page, 'ada@example.org');
  const guest = await newPerson(browser, server.url);
  await furnishTeam(page, guest);
  await guest.context().close();
});

describe('no fault that axe knows, light or dark', () => {
  test.each(outside)('$name', (place) => check(stranger, place));

  test.each(places)('$name', (place) => check(page, place));
});

/**
 * The app follows the machine's theme as it changes, so a place is opened once for both; of what axe
 * looks at, only contrast depends on the theme.
 */
async function check(page: Page, place: Place): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light' });
  await place.open(page);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const whole = axe(page).withTags(tags);
  await expectNone(place.isMenu ? whole.disableRules(['region']) : whole);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('html.dark').waitFor();
  await expectNone(axe(page).withRules(['color-contrast', 'link-in-text-block']));
}

/**
 * No place has frames of another origin, so axe need not gather its results in a page of its own;
 * with that, and without the markup of all that passed, a place takes a fifth of the time.
 */
const axe = (page: Page) =>
  new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });

async function expectNone(rules: AxeBuilder): Promise<void> {
  const { violations, passes } = await rules.analyze();
  const found = violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)]);
  expect(found).toEqual([]);
  expect(passes.length).toBeGreaterThan(0);
}
