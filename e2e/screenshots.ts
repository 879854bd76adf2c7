import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launchBrowser } from './browser.ts';
import { furnish, furnishBranch, furnishTeam } from './furnish.ts';
import { desktop, goToEnd, newPerson, openText, phone, register, signIn } from './person.ts';
import { outside, places } from './places.ts';
import { startServer } from './server.ts';

const root = join(import.meta.dirname, '..');
const pictures = join(root, 'screenshots');
const images = join(root, 'docs/images');
const shown = { width: 1280, height: 800 };
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
  await furnishBranch(first, email);
  const guest = await newPerson(browser, server.url);
  await furnishTeam(first, guest);
  await Promise.all([first, guest].map((each) => each.context().close()));
  if (wanted.length === 0 || wanted.includes('readme')) await takeForReadme();
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

/** The README's four: writing together, running cells, files, and finding things in the dark. */
async function takeForReadme(): Promise<void> {
  await mkdir(images, { recursive: true });
  const [page, other] = [
    await newPerson(browser, server.url, shown),
    await newPerson(browser, server.url, shown),
  ];
  const take = (name: string) => page.screenshot({ path: join(images, `${name}.png`) });
  await Promise.all([signIn(page, email), signIn(other, email)]);
  await page.getByRole('link', { name: 'Field notes.md' }).first().click();
  await openText(page);
  await other.goto(page.url());
  await goToEnd(other);
  await other.keyboard.press('Control+Home');
  for (const key of ['ArrowDown', 'ArrowDown', 'End']) await other.keyboard.press(key);
  await page.getByRole('list', { name: 'People here' }).waitFor();
  await page.locator('.elim-caret-name').waitFor();
  await take('document');
  await other.context().close();

  await page.getByRole('treeitem', { name: 'Notebook.md' }).click();
  await openText(page);
  await page.getByText('document', { exact: true }).waitFor();
  await take('notebook');

  await page.getByRole('treeitem', { name: 'Reservoir study' }).click();
  await page.getByRole('grid').getByText('Field notes.md').waitFor();
  await page.getByRole('button', { name: 'More actions: Field notes.md' }).click();
  await page.getByRole('menuitem', { name: 'Preview' }).click();
  await page.getByRole('complementary').getByRole('region').waitFor();
  await take('files');

  await page.evaluate(() => localStorage.setItem('kyozo.theme', 'dark'));
  await page.goto('/');
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByText('Field notes.md').first().waitFor();
  await take('find');
  await page.context().close();
}

function isWanted({ name }: { name: string }): boolean {
  return wanted.length === 0 || wanted.includes(name);
}
