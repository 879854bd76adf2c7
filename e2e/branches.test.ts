import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { newPerson, phone, register } from './person.ts';
import { type Server, startServer } from './server.ts';
import { clone, type WorkingCopy } from './working-copy.ts';

let server: Server;
let browser: Browser;
let page: Page;
/** A clone of the workspace that is open in the page. */
let work: WorkingCopy;
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
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  work = await clone(page, email);
});

afterEach(async () => {
  await work.remove();
  await page.context().close();
});

test('a branch that git pushed appears by itself, is merged, and its file is there', async () => {
  await openTab('Branches');
  await page.getByRole('heading', { name: 'There is only main' }).waitFor();
  await work.push('topic', { 'Pushed.md': '# Pushed with git\n' });
  // Nobody reloads: the page hears of it.
  await page.getByText('1 ahead, 0 behind').waitFor();
  await work.push('topic', { 'Pushed.md': '# Pushed with git again\n' });
  await page.getByText('2 ahead, 0 behind').waitFor();
  await work.push('other', { 'Other.md': '# Other\n' });
  await page.getByRole('link', { name: 'other' }).waitFor();
  await work.git('push', '-q', 'origin', '--delete', 'other');
  await page.getByRole('link', { name: 'other' }).waitFor({ state: 'detached' });

  await page.getByRole('link', { name: 'topic' }).click();
  await page.getByText('1 file changed').waitFor();
  await page.getByRole('table', { name: 'Changes of Pushed.md' }).waitFor();
  await page.getByRole('button', { name: 'Merge into main' }).click();
  await page.getByText('Merged “topic” into main').waitFor();
  await page.getByRole('grid').getByRole('link', { name: 'Pushed.md' }).waitFor();
  expect(new URL(page.url()).pathname).toMatch(/^\/workspaces\/[^/]+$/u);
});

test('what both sides changed is decided file by file, and merged as it was decided', async () => {
  const names = ['ours.txt', 'theirs.txt', 'both.txt'];
  const texts = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
  await work.push('main', texts('one\ntwo\nthree\n'));
  await work.push('topic', texts('one\nbranch\nthree\n'));
  await work.push('main', texts('one\nmain\nthree\n'));
  await openTab('Branches');
  await page.getByRole('link', { name: 'topic' }).click();
  await page.getByText('3 files changed').waitFor();
  const merge = page.getByRole('button', { name: 'Merge into main' });
  await merge.click();
  const conflicts = page.getByRole('region', { name: 'Changed on both sides' });
  await conflicts.getByText('Nothing was merged yet').waitFor();
  // Nothing can be merged before each is decided.
  for (const [name, choice] of [
    ['ours.txt', 'main'],
    ['theirs.txt', 'Branch'],
    ['both.txt', 'Both'],
  ] as const) {
    expect(await merge.isDisabled()).toBe(true);
    const group = conflicts.getByLabel(`What stands of ${name}`);
    await group.getByRole('radio', { name: choice }).click();
  }
  await merge.click();
  await page.getByText('Merged “topic” into main').waitFor();
  await page.getByRole('grid').getByRole('link', { name: 'both.txt' }).waitFor();
  await work.git('fetch', '-q');
  const merged = async (name: string) => work.git('show', `origin/main:${name}`);
  expect(await merged('ours.txt')).toBe('one\nmain\nthree');
  expect(await merged('theirs.txt')).toBe('one\nbranch\nthree');
  expect(await merged('both.txt')).toBe(
    'one\n<<<<<<< main\nmain\n=======\nbranch\n>>>>>>> topic\nthree',
  );
});

test('very many conflicts are decided in turns, all that is open at once', async () => {
  const names = Array.from({ length: 102 }, (_, at) => `${String(at).padStart(3, '0')}.txt`);
  const texts = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
  await work.push('main', texts('one\n'));
  await work.push('topic', texts('branch\n'));
  await work.push('main', texts('main\n'));
  await openBranch();
  const merge = page.getByRole('button', { name: 'Merge into main' });
  await merge.click();
  const conflicts = page.getByRole('region', { name: 'Changed on both sides' });
  await conflicts.getByText('2 more files follow').waitFor();
  const first = conflicts.getByLabel('What stands of 000.txt');
  await first.getByRole('radio', { name: 'Branch' }).click();
  await conflicts.getByText('1 of 102 files decided').waitFor();
  await conflicts.getByRole('button', { name: 'All others as in main' }).click();
  await conflicts.getByText('100 of 102 files decided').waitFor();
  await merge.click();
  await conflicts.getByLabel('What stands of 101.txt').waitFor();
  expect(await merge.isDisabled()).toBe(true);
  await conflicts.getByRole('button', { name: 'All others as in the branch' }).click();
  await merge.click();
  await page.getByText('Merged “topic” into main').waitFor();
  await work.git('fetch', '-q');
  const merged = async (name: string) => work.git('show', `origin/main:${name}`);
  expect(await merged('000.txt')).toBe('branch');
  expect(await merged('099.txt')).toBe('main');
  expect(await merged('101.txt')).toBe('branch');
});

test('the parts of a text in conflict are decided one by one, by keys alone', async () => {
  const text = (word: string) =>
    `${['one', 'two', 'three'].map((part) => `${part} ${word}\n\n${part} stays\n`).join('\n')}end\n`;
  await work.push('main', { 'Parts.md': text('base') });
  await work.push('topic', { 'Parts.md': text('branch'), 'Bytes.bin': bytesOf(1) });
  await work.push('main', { 'Parts.md': text('main'), 'Bytes.bin': bytesOf(2) });
  await openBranch();
  const merge = page.getByRole('button', { name: 'Merge into main' });
  await merge.press('Enter');
  const conflicts = page.getByRole('region', { name: 'Changed on both sides' });
  const heading = conflicts.getByRole('heading', { name: 'Changed on both sides' });
  await expect.poll(() => heading.evaluate((it) => it === document.activeElement)).toBe(true);
  // What is no text is decided as a whole.
  const bytes = conflicts.getByRole('article', { name: 'Bytes.bin' });
  expect(await bytes.getByRole('radio', { name: 'By part' }).count()).toBe(0);
  expect(await bytes.getByText('Not a text').count()).toBe(2);
  await bytes.getByRole('radio', { name: 'Branch' }).press('Enter');
  const file = conflicts.getByRole('article', { name: 'Parts.md' });
  await file.getByText('one stays').waitFor();
  for (const [part, keep] of ['Keep main', 'Keep branch', 'Keep both'].entries()) {
    expect(await merge.isDisabled()).toBe(true);
    await file.getByText(`${part} of 3 parts decided`).waitFor();
    const choice = file.getByLabel(`Part ${part + 1} of 3 of Parts.md`);
    await choice.getByRole('radio', { name: keep }).press('Enter');
  }
  await conflicts.getByText('2 of 2 files decided').waitFor();
  expect(await file.locator('del').allTextContents()).toEqual(['one branch', 'two main']);
  await merge.press('Enter');
  await page.getByText('Merged “topic” into main').waitFor();
  await work.git('fetch', '-q');
  expect(await work.git('show', 'origin/main:Parts.md')).toBe(
    'one main\n\none stays\n\ntwo branch\n\ntwo stays\n\nthree main\nthree branch\n\nthree stays\nend',
  );
  const merged = await work.git('rev-parse', 'origin/main:Bytes.bin');
  expect(merged).toBe(await work.git('rev-parse', 'origin/topic:Bytes.bin'));
});

test('a merged text is edited, told of its markers, kept when main moves on, and merged as written', async () => {
  const text = (word: string) => `first\r\n${word}\r\nlast\r\n`;
  await work.push('main', { 'Edited.txt': text('base') });
  await work.push('topic', { 'Edited.txt': text('branch') });
  await work.push('main', { 'Edited.txt': text('main') });
  await openBranch();
  const merge = page.getByRole('button', { name: 'Merge into main' });
  await merge.click();
  const file = page.getByRole('article', { name: 'Edited.txt' });
  await file.getByRole('button', { name: 'Edit the text of Edited.txt' }).click();
  const area = file.getByRole('textbox', { name: 'Merged text of Edited.txt' });
  expect(await area.inputValue()).toBe(
    'first\n<<<<<<< main\nmain\n=======\nbranch\n>>>>>>> topic\nlast\n',
  );
  // It is said that markers are left, where, and that they may stay.
  await file.getByText('Conflict markers are still in it, first in line 2').waitFor();
  expect(await merge.isEnabled()).toBe(true);
  await file.getByRole('button', { name: 'Show' }).click();
  expect(await page.evaluate(() => getSelection()!.toString())).toBe('<<<<<<< main');
  await area.fill('first\nmain and branch\nlast\n');
  await file.getByText('No conflict markers are left').waitFor();
  await file.getByRole('button', { name: 'Discard my edits of Edited.txt' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  expect(await area.inputValue()).toBe('first\nmain and branch\nlast\n');

  await work.push('main', { 'Edited.txt': text('main again') });
  await merge.click();
  await file.getByText('This file has changed again since').waitFor();
  expect(await merge.isDisabled()).toBe(true);
  await file.getByText('main again').waitFor();
  await file.getByRole('button', { name: 'Take my text of before' }).click();
  expect(await area.inputValue()).toBe('first\nmain and branch\nlast\n');
  await merge.click();
  await page.getByText('Merged “topic” into main').waitFor();
  await work.git('fetch', '-q');
  // The line ends are the file's, whatever a text area makes of them.
  expect(await work.git('show', 'origin/main:Edited.txt')).toBe(text('main and branch').trimEnd());
});

test('a branch that is deleted comes back with an undo', async () => {
  await work.push('topic', { 'Pushed.md': '# Pushed with git\n' });
  const head = await work.git('rev-parse', 'HEAD');
  await openTab('Branches');
  await page.getByRole('button', { name: 'Delete the branch topic' }).click();
  await page.getByText('Deleted the branch “topic”').waitFor();
  await page.getByRole('heading', { name: 'There is only main' }).waitFor();
  expect(await work.git('ls-remote', 'origin', 'refs/heads/topic')).toBe('');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('link', { name: 'topic' }).waitFor();
  expect(await work.git('ls-remote', 'origin', 'refs/heads/topic')).toContain(head);
});

test('the commits of a workspace and of a branch are listed, and each shows what it changed', async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await work.push('topic', { 'Pushed.md': '# Pushed with git\n' });
  const id = await work.git('rev-parse', 'HEAD');
  await openTab('Commits');
  const today = page.getByRole('list', { name: 'Commits of today' });
  await today.getByRole('link', { name: 'Add Welcome.md' }).waitFor();
  expect(await today.getByRole('link', { name: 'Work on Pushed.md' }).count()).toBe(0);
  // What is committed while the list is open is in it.
  await work.push('main', { 'Straight.md': '# Straight to main\n' });
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

test('13.B6 a commit of binary and deleted files shows each, or says why not', async () => {
  await work.push('main', {
    'picture.png': Buffer.from([0x89, 0x50, 0, 1]),
    // git looks for a NUL in the first 8,000 bytes only.
    'late.bin': Buffer.concat([Buffer.alloc(9_000, 65), Buffer.from([0])]),
    'gone.md': '# Gone\n',
  });
  await work.git('rm', '-q', 'picture.png', 'late.bin', 'gone.md');
  await work.git('commit', '-q', '-m', 'Remove all three');
  await work.git('push', '-q', 'origin', 'main');
  await openTab('Commits');
  await page.getByRole('link', { name: 'Remove all three' }).click();
  await page.getByText('3 files changed').waitFor();
  await page.getByRole('table', { name: 'Changes of gone.md' }).getByText('# Gone').waitFor();
  await page.getByText('Only texts can be compared line by line.').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
});

test('a branch leads to its commits, an empty file is called so, and what is not there is not shown as empty', async () => {
  await page.setViewportSize(phone);
  await work.push('topic', { 'Empty.txt': '' }, 'Add nothing yet');
  // On a phone one goes back by the bar.
  await page.goto(page.url());
  await openBranch();
  const file = page.getByRole('group').filter({ hasText: 'Empty.txt' });
  await file.getByText('The file is empty.').waitFor();
  await page.getByRole('link', { name: 'Commits of this branch' }).click();
  await page.getByRole('link', { name: 'Add nothing yet' }).waitFor();
  await page.getByRole('link', { name: 'Back to Getting started' }).click();
  await page.getByRole('grid').getByText('Welcome.md').waitFor();

  const workspace = page.url();
  const nobody = '01900000-0000-7000-8000-000000000000';
  await page.goto(`${workspace}/branches/${nobody}`);
  await page.getByRole('heading', { name: 'No such branch' }).waitFor();
  await page.getByRole('alert').getByText('This is no longer here').waitFor();
  await page.goto(workspace.replace(/[^/]+$/u, nobody));
  await page.getByRole('alert').getByText('This is no longer here').waitFor();
  expect(await page.getByText('This workspace is empty').count()).toBe(0);
  expect(await page.getByRole('banner').getByRole('button', { name: 'New' }).count()).toBe(0);
});

async function openBranch(): Promise<void> {
  await openTab('Branches');
  await page.getByRole('link', { name: 'topic' }).click();
  await page.getByRole('heading', { name: 'topic' }).waitFor();
}

/** Content that is no text, so that it lies outside git. */
const bytesOf = (last: number): Uint8Array => Uint8Array.of(0, 255, last);

async function openTab(name: string): Promise<void> {
  const tabs = page.getByRole('navigation', { name: 'Places of the workspace' });
  await tabs.getByRole('link', { name }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  expect(await tabs.locator('[aria-current=page]').textContent()).toContain(name);
}
