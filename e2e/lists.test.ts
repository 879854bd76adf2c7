import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { home, newPerson, register } from './person.ts';
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

test('13.B7 trashing and moving are undone by a button and by Ctrl+Z, outside of text', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Ada Lovelace', 'ada@example.org');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.waitForURL(/\/workspaces\//u);
  const welcome = page.getByRole('row', { name: 'Welcome.md' });
  await welcome.focus();
  await page.keyboard.press('Delete');
  await page.getByText('Moved “Welcome.md” to the trash').waitFor();
  await welcome.waitFor({ state: 'detached' });
  // In a text field it undoes what was typed there.
  await page.getByRole('searchbox').fill('Note');
  await page.getByRole('searchbox').press('Control+z');
  await page.getByRole('searchbox').fill('');
  await page.waitForTimeout(500);
  expect(await welcome.count()).toBe(0);
  await page.getByRole('row', { name: 'Notebook.md' }).focus();
  await page.keyboard.press('Control+z');
  await welcome.waitFor();

  await welcome.focus();
  await page.keyboard.press('x');
  await page.getByRole('row', { name: 'Data' }).focus();
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Move to…' }).click();
  await page.getByRole('textbox', { name: 'Folder' }).fill('Old/things');
  await page.getByRole('button', { name: 'Move to a folder' }).click();
  await page.getByText('Moved 2 files').waitFor();
  await page.getByRole('row', { name: 'Old' }).getByRole('link').click();
  await page.getByRole('row', { name: 'things' }).getByRole('link').click();
  await page.getByRole('row', { name: 'Data' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await page.getByText('This folder is empty').waitFor();
  await page.goBack();
  await page.goBack();
  await welcome.waitFor();
  await page.getByRole('row', { name: 'Data' }).waitFor();
  await page.context().close();
});

test('13.B7 where the trash refuses one of several files, the others can be taken back', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Grace Hopper', 'grace.lists@example.org');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.waitForURL(/\/workspaces\//u);
  const rows = ['Notebook.md', 'Welcome.md'].map((name) => page.getByRole('row', { name }));
  for (const row of rows) {
    await row.focus();
    await page.keyboard.press('x');
  }
  let trashed = 0;
  await page.route('**/api/v1/files/*', async (route) => {
    const isSecond = route.request().method() === 'DELETE' && ++trashed === 2;
    await (isSecond ? route.abort() : route.continue());
  });
  await page.keyboard.press('Delete');
  await page.getByText('Moved “Notebook.md” to the trash').waitFor();
  await page.getByRole('button', { name: 'Undo' }).last().click();
  for (const row of rows) await row.waitFor();
  await page.context().close();
});

test('13.B6 offline, Home says so and shows what was last known', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Grace Hopper', 'grace@example.org');
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Profile' }).first().waitFor();
  await page.context().setOffline(true);
  await page.getByRole('link', { name: 'Home' }).click();
  await home(page);
  await page.getByText('Offline. This is the list as it was last known.').waitFor();
  await page
    .getByRole('link', { name: /Welcome\.md/u })
    .first()
    .waitFor();
  expect(await page.getByText('Nothing written yet').count()).toBe(0);
  await page.context().setOffline(false);
  await page.getByText('Offline. This is').waitFor({ state: 'detached' });
  await page.context().close();
});

test('13.B6 a list that could not be read never looks empty', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Mary Somerville', 'mary@example.org');
  await page.route(/\/api\/v1\/(files|task-runs|workspaces\/[^/]+\/(files|folders))\?/u, (route) =>
    route.abort(),
  );
  await page.goto('/');
  await page.getByText('Offline', { exact: true }).first().waitFor();
  await page.getByRole('treeitem', { name: 'Not loaded. Try again' }).waitFor();
  for (const empty of ['Nothing written yet', 'Nothing has run yet'])
    expect(await page.getByText(empty).count()).toBe(0);
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.waitForURL(/\/workspaces\//u);
  await page
    .getByRole('main')
    .getByRole('tab')
    .or(page.getByRole('heading', { name: 'Getting started' }))
    .first()
    .waitFor();
  await page.getByRole('main').getByText('Offline', { exact: true }).waitFor();
  expect(await page.getByText('This workspace is empty').count()).toBe(0);
  await page.unrouteAll();
  await page.getByRole('main').getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('row', { name: 'Welcome.md' }).waitFor();
  await page.context().close();
});
