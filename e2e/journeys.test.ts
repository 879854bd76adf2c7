import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import {
  goToEnd,
  newDocument,
  newPerson,
  noticed,
  openText,
  register,
  saved,
  signIn,
} from './person.ts';
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

const person = () => newPerson(browser, server.url);

test('what someone types is there after a reload, in a workspace they made', async () => {
  const page = await person();
  await register(page, 'Ada Lovelace', 'ada@example.org');
  await page.getByRole('button', { name: 'New workspace' }).click();
  await page.getByLabel('Name').fill('Engine');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'This workspace is empty' }).waitFor();
  await page.getByRole('button', { name: 'New document' }).click();
  await page.keyboard.type('# Notes on the engine');
  await goToEnd(page);
  await page.keyboard.press('Enter');
  await page.keyboard.type('It weaves algebraic patterns.');
  await saved(page);
  await page.reload();

  const again = await openText(page);
  await expect.poll(() => again.textContent()).toContain('It weaves algebraic patterns.');
  expect(await again.getByRole('heading').allTextContents()).toEqual(['Notes on the engine']);
  await page.context().close();
});

test('two people write in one document at once and both see all of it; a reader cannot write', async () => {
  const [first, second] = [await person(), await person()];
  await register(first, 'Grace Hopper', 'grace@example.org');
  await newDocument(first, 'Shared');
  await signIn(second, 'grace@example.org');
  await second.goto(first.url());
  const texts = await Promise.all([openText(first), openText(second)]);

  await goToEnd(first);
  await first.keyboard.press('Enter');
  await first.keyboard.type('start');
  await expect.poll(() => texts[1].textContent()).toContain('start');
  await goToEnd(second);
  await second.keyboard.press('Control+Home');
  await second.keyboard.press('End');
  await noticed(second);
  await Promise.all([
    first.keyboard.type(' left '.repeat(8)),
    second.keyboard.type('right'.repeat(8)),
  ]);
  await Promise.all([saved(first), saved(second)]);

  await expect.poll(() => texts[0].textContent()).toContain('right'.repeat(8));
  await expect.poll(() => texts[1].textContent()).toContain('left  left');
  expect(await plainText(first)).toBe(await plainText(second));
  expect(await first.getByRole('list', { name: 'People here' }).getByRole('img').count()).toBe(1);
  expect(await first.locator('.elim-caret-name').allTextContents()).toEqual(['Grace Hopper']);

  await onlyReads(first, second);
  await Promise.all([first, second].map((page) => page.context().close()));
});

/** Opens the document with a key that may only read and tries to write. */
async function onlyReads(owner: Page, other: Page): Promise<void> {
  const key = await readKey(owner);
  await owner.goto(other.url());
  const reader = await person();
  // The app holds the key where a signed-in person's token would be; the server judges the key.
  await reader.addInitScript((token) => localStorage.setItem('kyozo.refresh-token', token), key);
  await reader.route('**/api/v1/users/refresh', (route) =>
    route.fulfill({
      contentType: 'application/vnd.api+json',
      body: JSON.stringify({
        data: null,
        meta: { accessToken: key, refreshToken: key, expiresIn: 900 },
      }),
    }),
  );
  await reader.goto(other.url());
  await reader.locator('[data-document=readOnly]').waitFor();
  const text = await openText(reader);
  await expect.poll(() => text.textContent()).toContain('start');
  expect(await text.getAttribute('contenteditable')).toBe('false');
  await text.click();
  await reader.keyboard.type('must not appear');
  await reader.context().close();
  await openText(owner);
  await expect.poll(() => plainText(owner)).toContain('start');
  expect(await plainText(owner)).not.toContain('must not appear');
  expect(await plainText(other)).not.toContain('must not appear');
}

async function readKey(page: Page): Promise<string> {
  await page.goto('/settings/api-keys');
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('What is it for?').fill('Reader');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  return (await page.getByTestId('api-key').textContent()) ?? '';
}

/** The text without the names at other people's carets. */
function plainText(page: Page): Promise<string> {
  return page.locator('.elim-text').evaluate((text) => {
    const copy = text.cloneNode(true) as HTMLElement;
    for (const caret of copy.querySelectorAll('.elim-caret')) caret.remove();
    return copy.textContent;
  });
}

test('a cell runs, its output appears below it and stays', async () => {
  const page = await person();
  await register(page, 'Alan Turing', 'alan@example.org');
  await page.getByRole('link', { name: 'Notebook.md' }).first().click();
  await openText(page);
  await page.getByRole('button', { name: 'Run squares' }).click();
  const output = page.getByRole('region', { name: 'Output' });
  await output.getByText('25').waitFor({ timeout: 30_000 });
  await page.getByRole('img', { name: 'Done' }).waitFor();
  await page.reload();
  await openText(page);
  await output.getByText('25').waitFor();
  await page.getByRole('treeitem', { name: 'Welcome.md' }).click();
  await page.getByRole('textbox').getByText('Where things are').waitFor();
  await page.getByRole('treeitem', { name: 'Notebook.md' }).click();
  await output.getByText('25').waitFor();
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('region', { name: 'Runs' }).getByText('squares').waitFor();
  await page.context().close();
});

test('a file goes to the trash, comes back by undo, and lists change by themselves', async () => {
  const [here, there] = [await person(), await person()];
  await register(here, 'Katherine Johnson', 'katherine@example.org');
  await signIn(there, 'katherine@example.org');
  for (const page of [here, there]) {
    await page.getByRole('treeitem', { name: 'Getting started' }).click();
    await page.getByRole('grid').getByText('Welcome.md').waitFor();
  }
  const row = (page: Page) => page.getByRole('grid').getByText('Welcome.md');
  await here.getByRole('row', { name: 'Welcome.md' }).focus();
  await here.keyboard.press('Delete');
  await row(here).waitFor({ state: 'detached' });
  await row(there).waitFor({ state: 'detached' });
  await here.getByRole('button', { name: 'Undo' }).click();
  await row(here).waitFor();
  await row(there).waitFor();

  await here.getByRole('row', { name: 'Welcome.md' }).focus();
  await here.keyboard.press('Delete');
  await row(here).waitFor({ state: 'detached' });
  await here.getByRole('link', { name: 'Trash' }).click();
  await here.getByRole('button', { name: 'Delete for good…: Welcome.md' }).click();
  await here.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await here.getByText('“Welcome.md” is deleted for good').waitFor();
  await here.getByText('The trash is empty').waitFor();
  await Promise.all([here, there].map((page) => page.context().close()));
});

test('what is typed while the server is away is kept and saved when it is back', async () => {
  const page = await person();
  await register(page, 'Mary Jackson', 'mary@example.org');
  await newDocument(page, 'Away');
  await goToEnd(page);
  await server.leave(async () => {
    await page.getByText('Offline – kept on this device').waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.type('typed alone');
    expect(await page.locator('[data-document]').getAttribute('data-document')).toBe('offline');
  });
  await saved(page);

  const elsewhere = await person();
  await signIn(elsewhere, 'mary@example.org');
  await elsewhere.goto(page.url());
  const again = await openText(elsewhere);
  await expect.poll(() => again.textContent()).toContain('typed alone');
  await Promise.all([page, elsewhere].map((each) => each.context().close()));
});

test('a folder of files is uploaded, with its folders, and named as it goes', async () => {
  const page = await person();
  await register(page, 'Dorothy Vaughan', 'dorothy@example.org');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.getByRole('grid').getByText('Welcome.md').waitFor();
  const folder = join(import.meta.dirname, '../web/src/first-run');
  const count = (await readdir(folder)).length;
  await page.locator('input[webkitdirectory]').setInputFiles(folder);
  await page
    .getByRole('region', { name: 'Uploads' })
    .getByText(`Uploaded ${count} files`)
    .waitFor();
  await page.getByRole('grid').getByRole('link', { name: 'first-run' }).click();
  await expect.poll(() => page.getByRole('grid').getByRole('row').count()).toBe(count + 1);
  await page.context().close();
});

test('an old version comes back as a new one, in the open document', async () => {
  const page = await person();
  await register(page, 'Annie Easley', 'annie@example.org');
  await newDocument(page, 'Versions');
  const text = await openText(page);
  await page.getByRole('button', { name: 'History' }).click();
  const panel = page.getByRole('complementary', { name: 'History' });
  await panel.getByRole('button', { name: 'Save a version now' }).click();
  await panel.getByText('Version 2').waitFor();
  await goToEnd(page);
  await page.keyboard.press('Enter');
  await page.keyboard.type('second thoughts');
  await saved(page);
  await panel.getByRole('button', { name: 'Save a version now' }).click();
  await panel.getByText('Version 3').waitFor();
  await panel.getByRole('button', { name: 'Restore version 2' }).click();
  await panel.getByText('Version 4').waitFor();
  await expect.poll(() => text.textContent()).not.toContain('second thoughts');
  await saved(page);

  await panel.getByRole('link', { name: 'Compare versions' }).click();
  const changes = page.getByRole('table', { name: 'Changes from Version 3 to Version 4' });
  await changes.getByRole('row', { name: 'removed second thoughts' }).waitFor();
  const versions = page.getByRole('navigation', { name: 'Versions' });
  await versions.getByRole('link').nth(2).click();
  await page.getByRole('table', { name: 'Changes from Version 1 to Version 2' }).waitFor();
  await versions.getByRole('link').nth(1).click();
  await page.getByRole('radio', { name: 'Lines and authors' }).click();
  const lines = page.getByRole('list', { name: 'Lines of version 3 and who wrote them' });
  await lines.getByText('second thoughts').waitFor();
  expect(await lines.getByText('Annie Easley').count()).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Restore version 3' }).click();
  const back = page
    .getByRole('listitem')
    .filter({ hasText: 'Version 3 is back, as a new version' });
  await back.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => versions.getByRole('listitem').count()).toBe(6);
  await page
    .getByRole('link', { name: /^Versions/u })
    .first()
    .click();
  const again = await openText(page);
  await expect.poll(() => again.textContent()).not.toContain('second thoughts');
  await page.context().close();
});

test('a workspace is archived, goes to the trash, comes back by undo, and is deleted for good', async () => {
  const page = await person();
  await register(page, 'Ada Lovelace', 'ada-trash@example.org');
  await newDocument(page, 'Kept');
  await page.goto('/workspaces');
  const more = page.getByRole('button', { name: /^More actions: / });
  const label = (await more.getAttribute('aria-label'))!;
  const name = label.replace('More actions: ', '');
  const choose = async (item: string) => {
    await more.click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await choose('Archive');
  await page.getByText(`Archived “${name}”`).waitFor();
  await page.getByText('Archived', { exact: true }).click();
  await page.getByRole('link', { name }).first().click();
  await page.getByText('This workspace is archived.').waitFor();
  expect(await page.getByRole('button', { name: 'New', exact: true }).count()).toBe(0);
  await page.getByRole('link', { name: 'Kept.md' }).first().click();
  await page.locator('[data-document=readOnly]').waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Take out of the archive' }).click();
  await page.getByText('This workspace is archived.').waitFor({ state: 'detached' });

  await page.goto('/workspaces');
  await choose('Move to trash');
  const moved = page.getByRole('listitem').filter({ hasText: 'to the trash' });
  await moved.getByRole('button', { name: 'Undo' }).click();
  await more.waitFor();
  await choose('Move to trash');
  await more.waitFor({ state: 'detached' });
  await page.goto('/trash');
  await page.getByText('Workspace, with everything in it').waitFor();
  await page.getByRole('button', { name: `Delete for good…: ${name}` }).click();
  await page.getByRole('button', { name: 'Delete for good', exact: true }).click();
  await page.getByText('The trash is empty').waitFor();
  await page.context().close();
});
