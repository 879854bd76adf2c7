import type { Page } from 'playwright-core';
import { home } from './person.ts';

/**
 * Reloads all pages at once, and again after so many milliseconds, for each of these delays. Every page
 * must then show the dashboard, without news of a session that was copied.
 * @throws Error where a page is signed out, or the person is alarmed
 */
export async function reloadTwice(
  pages: readonly Page[],
  delays: readonly number[],
): Promise<void> {
  for (const delay of delays) {
    await Promise.all(
      pages.map(async (page) => {
        await page.reload({ waitUntil: 'commit' });
        await new Promise((resolve) => setTimeout(resolve, delay));
        await page.reload({ waitUntil: 'commit' });
      }),
    );
    for (const page of pages) await isSignedIn(page, delay);
  }
  for (const page of pages)
    await page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
}

async function isSignedIn(page: Page, delay: number): Promise<void> {
  const signedOut = page.getByRole('heading', { name: 'Sign in to Kyozo' });
  const shown = await Promise.race([
    home(page).then(() => true),
    signedOut.waitFor({ timeout: 0 }).then(
      () => false,
      () => true,
    ),
  ]);
  if (!shown) throw new Error(`Two reloads within ${delay} ms signed the person out.`);
}

/** From 0 to 500 milliseconds. */
export const delaysEvery = (step: number): number[] =>
  Array.from({ length: 500 / step + 1 }, (_, index) => index * step);
