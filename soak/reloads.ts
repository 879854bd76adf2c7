import { launchBrowser } from '../e2e/browser.ts';
import { newPerson, register } from '../e2e/person.ts';
import { delaysEvery, prepareReloads, reloadTwice } from '../e2e/reloads.ts';
import { startServer } from '../e2e/server.ts';

/** Two quick reloads at every 10 ms from 0 to 500, in one tab and in two, as often as there are runs. */
export async function reloads({ runs, say }: { runs: number; say: (line: string) => void }) {
  const server = await startServer();
  const browser = await launchBrowser();
  try {
    const page = await newPerson(browser, server.url);
    await prepareReloads(page.context());
    await register(page, 'Ada Lovelace', 'ada@example.org');
    const second = await page.context().newPage();
    for (let run = 1; run <= runs; run++) {
      await second.goto('about:blank');
      await reloadTwice([page], delaysEvery(10));
      await second.goto('/');
      await reloadTwice([page, second], delaysEvery(10));
      say(`run ${run}: signed in after ${3 * 2 * delaysEvery(10).length} reloads`);
    }
  } finally {
    await browser.close();
    await server.stop();
  }
}
