import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launchBrowser } from './browser.ts';
import { furnish } from './furnish.ts';
import { desktop, newPerson, phone, register, signIn } from './person.ts';
import { outside, places } from './places.ts';
import { startServer } from './server.ts';

const root = join(import.meta.dirname, '..');
const pictures = join(root, 'screenshots');
const email = 'ada@example.org';
/** Names given on the command line; without any, all places. */
const wanted = process.argv.slice(2);

/** Takes a picture of every place, in both themes, on a desktop and on a phone. */
const server = await startServer();
const browser = await launchBrowser();
try {
  await mkdir(pictures, { recursive: true });
  const first = await newPerson(browser, server.url);
  await register(first, 'Ada Lovelace', email);
  await furnish(first);
  await first.context().close();
  for (const theme of ['light', 'dark'] as const) {
    for (const [device, size] of Object.entries({ desktop, phone })) {
      const page = await newPerson(browser, server.url, size);
      await page.addInitScript((name) => localStorage.setItem('kyozo.theme', name), theme);
      const take = async (name: string) => {
        await page.screenshot({ path: join(pictures, `${name}-${device}-${theme}.png`) });
      };
      for (const place of outside.filter(isWanted)) {
        await place.open(page);
        await take(place.name);
      }
      await signIn(page, email);
      for (const place of places.filter(isWanted)) {
        try {
          await place.open(page);
        } catch (error) {
          console.error(`${place.name} on ${device}: ${String(error).split('\n')[0]}`);
        }
        await take(place.name);
      }
      await page.context().close();
    }
  }
} finally {
  await browser.close();
  await server.stop();
}

function isWanted({ name }: { name: string }): boolean {
  return wanted.length === 0 || wanted.includes(name);
}
