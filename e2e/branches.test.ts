import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { must, temporary } from '../server/test/git/repository.ts';
import { launchBrowser } from './browser.ts';
import { newPerson, password, register } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let page: Page;
let place: Awaited<ReturnType<typeof temporary>>;
/** A clone of the workspace that is open in the page. */
let work: string;
let people = 0;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  page = await newPerson(browser, server.url);
  const email = `radia${people++}@example.org`;
  await register(page, 'Radia Perlman', email);
  place = await temporary();
  work = join(place.folder, 'work');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await must(place.folder, 'clone', '-q', await cloneAddress(email), 'work');
});

afterEach(async () => {
  await place.remove();
  await page.context().close();
});

test('a branch that git pushed appears by itself, is merged, and its file is there', async () => {
  await openTab('Branches');
  await page.getByRole('heading', { name: 'There is only main' }).waitFor();
  await pushOn('topic', { 'Pushed.md': '# Pushed with git\n' });
  // Nobody reloads: the page hears of it.
  await page.getByText('1 ahead, 0 behind').waitFor();
  await pushOn('topic', { 'Pushed.md': '# Pushed with git again\n' });
  await page.getByText('2 ahead, 0 behind').waitFor();
  await pushOn('other', { 'Other.md': '# Other\n' });
  await page.getByRole('link', { name: 'other' }).waitFor();
  await must(work, 'push', '-q', 'origin', '--delete', 'other');
  await page.getByRole('link', { name: 'other' }).waitFor({ state: 'detached' });

  await page.getByRole('link', { name: 'topic' }).click();
  await page.getByText('1 file changed').waitFor();
  await page.getByRole('table', { name: 'Changes of Pushed.md' }).waitFor();
  await page.getByRole('button', { name: 'Merge into main' }).click();
  await page.getByText('Merged “topic” into main').waitFor();
  await page.getByRole('grid').getByRole('link', { name: 'Pushed.md' }).waitFor();
  expect(new URL(page.url()).pathname).toMatch(/^\/workspaces\/[^/]+$/u);
});

test('a branch that is deleted comes back with an undo', async () => {
  await pushOn('topic', { 'Pushed.md': '# Pushed with git\n' });
  const head = await must(work, 'rev-parse', 'HEAD');
  await openTab('Branches');
  await page.getByRole('button', { name: 'Delete the branch topic' }).click();
  await page.getByText('Deleted the branch “topic”').waitFor();
  await page.getByRole('heading', { name: 'There is only main' }).waitFor();
  expect(await must(work, 'ls-remote', 'origin', 'refs/heads/topic')).toBe('');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('link', { name: 'topic' }).waitFor();
  expect(await must(work, 'ls-remote', 'origin', 'refs/heads/topic')).toContain(head);
});

test('the commits of a workspace and of a branch are listed, and each shows what it changed', async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await pushOn('topic', { 'Pushed.md': '# Pushed with git\n' });
  const id = await must(work, 'rev-parse', 'HEAD');
  await openTab('Commits');
  const today = page.getByRole('list', { name: 'Commits of Today' });
  await today.getByRole('link', { name: 'Add Welcome.md' }).waitFor();
  expect(await today.getByRole('link', { name: 'Work on Pushed.md' }).count()).toBe(0);
  // What is committed while the list is open is in it.
  await pushOn('main', { 'Straight.md': '# Straight to main\n' });
  await today.getByRole('link', { name: 'Work on Straight.md' }).waitFor();

  await page.getByLabel('Branch', { exact: true }).click();
  await page.getByRole('option', { name: 'topic' }).click();
  const commit = today.getByRole('link', { name: 'Work on Pushed.md' });
  await commit.waitFor();
  await page.getByRole('button', { name: `Copy the id ${id.slice(0, 7)}` }).click();
  await page.getByText('Copied the id of the commit').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(id);
  await commit.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Work on Pushed.md' }).waitFor();
  const table = page.getByRole('table', { name: 'Changes of Pushed.md' });
  await table.getByText('# Pushed with git').waitFor();
  expect(page.url()).toContain(id);
});

async function openTab(name: string): Promise<void> {
  const tabs = page.getByRole('navigation', { name: 'Places of the workspace' });
  await tabs.getByRole('link', { name }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  expect(await tabs.locator('[aria-current=page]').textContent()).toContain(name);
}

/** Commits files on a branch, which begins at `main`, and pushes it. */
async function pushOn(branch: string, files: Record<string, string>): Promise<void> {
  await must(work, 'fetch', '-q');
  const known = await must(work, 'branch', '--list', '--remotes', `origin/${branch}`);
  const from = known ? `origin/${branch}` : 'origin/main';
  await must(work, 'switch', '-q', '-C', branch, from);
  for (const [path, content] of Object.entries(files)) await writeFile(join(work, path), content);
  await must(work, 'add', '-A');
  await must(work, 'commit', '-q', '-m', `Work on ${Object.keys(files).join(' and ')}`);
  await must(work, 'push', '-q', 'origin', branch);
}

/** What the app says to clone, with a credential in it. */
async function cloneAddress(email: string): Promise<string> {
  const signedIn = await fetch(`${server.url}/api/v1/users/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({ data: { type: 'users', attributes: { email, password } } }),
  });
  const { meta } = (await signedIn.json()) as { meta: { accessToken: string } };
  await page.getByRole('button', { name: 'Clone', exact: false }).click();
  const command = await page.getByText(/^git clone /u).textContent();
  await page.keyboard.press('Escape');
  const address = command!.replace('git clone ', '');
  return address.replace('http://', `http://x:${meta.accessToken}@`);
}
