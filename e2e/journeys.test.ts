import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { newDocument, newPerson, openText, register, saved, signIn } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
}, 30_000);

const person = () => newPerson(browser, server.url);

test('what someone types is there after a reload, in a workspace they made', async () => {
  const page = await person();
  await register(page, 'Ada Lovelace', 'ada@example.org');
  await page.getByRole('button', { name: 'New workspace' }).click();
  await page.getByLabel('Name').fill('Engine');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'This workspace is empty' }).waitFor();
  await page.getByRole('button', { name: 'New document' }).click();
  await page.getByLabel('Name').fill('Notes on the engine');
  await page.getByRole('button', { name: 'Create', exact: true }).click();

  const text = await openText(page);
  await text.press('Control+End');
  await page.keyboard.press('Enter');
  await page.keyboard.type('It weaves algebraic patterns.');
  await saved(page);
  await page.reload();

  const again = await openText(page);
  await expect.poll(() => again.innerText()).toContain('It weaves algebraic patterns.');
  expect(await again.getByRole('heading').allInnerTexts()).toEqual(['Notes on the engine']);
  await page.context().close();
}, 60_000);

test('two people write in one document at once and both see all of it; a reader cannot write', async () => {
  const [first, second] = [await person(), await person()];
  await register(first, 'Grace Hopper', 'grace@example.org');
  await newDocument(first, 'Shared');
  await signIn(second, 'grace@example.org');
  await second.goto(first.url());
  const texts = await Promise.all([openText(first), openText(second)]);

  await texts[0].press('Control+End');
  await first.keyboard.press('Enter');
  await first.keyboard.type('start');
  await expect.poll(() => texts[1].innerText()).toContain('start');
  await texts[1].press('Control+Home');
  await texts[1].press('End');
  await Promise.all([
    first.keyboard.type(' left '.repeat(8)),
    second.keyboard.type('right'.repeat(8)),
  ]);
  await Promise.all([saved(first), saved(second)]);

  await expect.poll(() => texts[0].innerText()).toContain('right'.repeat(8));
  await expect.poll(() => texts[1].innerText()).toContain('left  left');
  expect(await plainText(first)).toBe(await plainText(second));
  expect(await first.getByRole('list', { name: 'People here' }).getByRole('img').count()).toBe(1);
  expect(await first.locator('.elim-caret-name').allInnerTexts()).toEqual(['Grace Hopper']);

  await onlyReads(first, second);
  await Promise.all([first, second].map((page) => page.context().close()));
}, 90_000);

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
  await reader.locator('[data-state="readOnly"]').waitFor();
  const text = await openText(reader);
  await expect.poll(() => text.innerText()).toContain('start');
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
  return page.getByTestId('api-key').innerText();
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
  await page.goto('/');
  await page.getByRole('region', { name: 'Runs' }).getByText('squares').waitFor();
  await page.context().close();
}, 90_000);

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
  await Promise.all([here, there].map((page) => page.context().close()));
}, 60_000);
