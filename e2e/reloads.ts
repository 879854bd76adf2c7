import type { BrowserContext, Page } from 'playwright-core';
import { home } from './person.ts';

const key = 'reload-in';

/** Has every page of a context reload once more by itself, when `reloadTwice` asks for it. */
export async function prepareReloads(context: BrowserContext): Promise<void> {
  await context.addInitScript((name) => {
    const delay = sessionStorage.getItem(name);
    sessionStorage.removeItem(name);
    if (delay === null) Object.assign(window, { isLastLoad: true });
    else setTimeout(() => location.reload(), Number(delay));
  }, key);
}

/**
 * Reloads all pages at once, and each again so many milliseconds after it began to load, for each of
 * these delays. Every page must then show the dashboard, without news of a session that was copied.
 * @throws Error where a page is signed out, or the person is alarmed
 */
export async function reloadTwice(
  pages: readonly Page[],
  delays: readonly number[],
): Promise<void> {
  for (const delay of delays) {
    await Promise.all(pages.map((page) => page.evaluate(start, { key, delay })));
    for (const page of pages) await mustBeSignedIn(page, delay);
  }
  for (const page of pages)
    await page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
}

/** In the page. */
function start({ key, delay }: { key: string; delay: number }): void {
  sessionStorage.setItem(key, String(delay));
  Object.assign(window, { isLastLoad: false });
  location.reload();
}

async function mustBeSignedIn(page: Page, delay: number): Promise<void> {
  await page.waitForFunction(() => 'isLastLoad' in window && window.isLastLoad === true);
  const signIn = page.getByRole('heading', { name: 'Sign in to Kyozo' });
  await page.getByRole('heading', { name: 'Recently changed' }).or(signIn).waitFor();
  if (await signIn.isVisible())
    throw new Error(`Two reloads within ${delay} ms signed the person out.`);
  await home(page);
}

/** From 0 to 500 milliseconds. */
export const delaysEvery = (step: number): number[] =>
  Array.from({ length: 500 / step + 1 }, (_, index) => index * step);
