import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { type Filled, fillWorkspace } from './fill-workspace.ts';
import { desktop, newPerson, phone, register, signIn } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let filled: Filled;

const count = 5_000;

beforeAll(async () => {
  [server, browser] = await Promise.all([
    startServer({ LIMIT_REQUESTS: '100000' }),
    launchBrowser(),
  ]);
  const maker = await newPerson(browser, server.url);
  await register(maker, 'Ada Lovelace', 'ada@example.org');
  filled = await fillWorkspace(maker, { files: count, folder: 'Large' });
  await maker.context().close();
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

type Sent = { script: number; json: number; lists: string[] };

/** Counts what the server sends from now on, as it is on the wire. */
function watch(page: Page): Sent {
  const sent: Sent = { script: 0, json: 0, lists: [] };
  page.on('requestfinished', async (request) => {
    const url = new URL(request.url());
    const { responseBodySize } = await request.sizes();
    if (url.pathname.endsWith('.js')) sent.script += responseBodySize;
    if (url.pathname.startsWith('/api/')) sent.json += responseBodySize;
    if (/\/(files|folders)$/u.test(url.pathname)) sent.lists.push(`${url.pathname}${url.search}`);
  });
  return sent;
}

const nodesIn = (page: Page) => page.locator('*').count();
const rest = (page: Page) => page.waitForTimeout(1_000);

/** Shows the large workspace in the sidebar, which stays so. */
async function unfoldLibrary(page: Page): Promise<void> {
  await page.getByRole('treeitem', { name: 'Library' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('treeitem', { name: 'Large' }).waitFor();
}

async function arrive(size?: { width: number; height: number }): Promise<Page> {
  const page = await newPerson(browser, server.url, size);
  await signIn(page, 'ada@example.org');
  return page;
}

test('13.B4 13.B5 the first load of Home: at most 180 KiB of script and 50 KiB of JSON', async () => {
  const page = await newPerson(browser, server.url);
  await signIn(page, 'ada@example.org');
  await unfoldLibrary(page);
  const storageState = await page.context().storageState();
  await page.context().close();
  // A browser that has kept nothing but who is signed in.
  const fresh = await browser.newContext({ baseURL: server.url, storageState, viewport: desktop });
  const again = await fresh.newPage();
  const sent = watch(again);
  await again.goto('/');
  await again.getByRole('treeitem', { name: 'Large' }).first().waitFor();
  await rest(again);
  expect(sent.json).toBeLessThanOrEqual(50 * 1024);
  expect(sent.script).toBeLessThanOrEqual(180 * 1024);
  expect(sent.script).toBeGreaterThan(50 * 1024);
  await fresh.close();
});

test('13.B5 a folder of 5,000 files is listed with ten requests and 2,000 nodes', async () => {
  const page = await arrive();
  await page.goto(`/workspaces/${filled.workspaceId}`);
  await page.getByRole('row', { name: 'Large' }).waitFor();
  const sent = watch(page);
  await page.getByRole('row', { name: 'Large' }).getByRole('link').click();
  await page.getByRole('row', { name: 'file 1.md', exact: false }).first().waitFor();
  await page.getByText(`${count} files`).first().waitFor();
  await page.getByRole('row').nth(1).focus();
  await page.keyboard.press('End');
  await page.getByRole('row', { name: `file ${count}.md` }).waitFor();
  expect(await page.locator(':focus').textContent()).toContain(`file ${count}.md`);
  await rest(page);
  expect(sent.lists.length).toBeLessThanOrEqual(10);
  expect(await nodesIn(page)).toBeLessThanOrEqual(2_000);
  await page.context().close();
});

test('13.B5 unfolding 5,000 files in the sidebar takes ten requests and 2,000 nodes', async () => {
  const page = await arrive();
  await unfoldLibrary(page);
  const sent = watch(page);
  const folder = page.getByRole('treeitem', { name: 'Large' }).last();
  await folder.focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('treeitem', { name: 'file 1.md' }).waitFor();
  await rest(page);
  expect(await nodesIn(page)).toBeLessThanOrEqual(2_000);
  const more = page.getByRole('treeitem', { name: /^Show more of/u });
  await more.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  await page.getByRole('treeitem', { name: 'file 101.md' }).waitFor();
  expect(sent.lists.length).toBeLessThanOrEqual(10);
  expect(await nodesIn(page)).toBeLessThanOrEqual(2_000);
  await page.context().close();
});

test('13.B5 the palette finds a file with one request, and forgets the query', async () => {
  const page = await arrive();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await rest(page);
  const sent = watch(page);
  await page.keyboard.type('FILE 4321', { delay: 30 });
  await page.getByRole('option', { name: /file 4321\.md/u }).waitFor();
  await rest(page);
  expect(sent.lists).toHaveLength(1);
  await page.keyboard.press('Escape');
  await page.getByRole('combobox').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+k');
  expect(await page.getByRole('combobox').inputValue()).toBe('');
  await page.keyboard.type('file 77.md', { delay: 5 });
  await page
    .getByRole('option', { name: /file 77\.md/u })
    .first()
    .waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/files\//u);
  await page
    .getByRole('heading', { name: 'file 77' })
    .or(page.getByText('file 77.md'))
    .first()
    .waitFor();
  await page.context().close();
});

test('13.B5 shift selects across rows that were never in sight', async () => {
  const page = await arrive();
  await page.goto(`/workspaces/${filled.workspaceId}?folder=Large`);
  await page.getByRole('row', { name: 'file 1.md' }).first().focus();
  await page.keyboard.press('End');
  const last = page.getByRole('row', { name: `file ${count}.md` });
  await last.waitFor();
  await page.keyboard.press('Home');
  await page.getByRole('row', { name: 'file 1.md' }).first().waitFor();
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await last.click({ modifiers: ['Shift'], position: { x: 400, y: 5 } });
  await page.getByText('5000 selected').waitFor();
  await page.context().close();
});

test('13.B5 a name narrows the list on the server; a rename is seen by others', async () => {
  const [page, other] = [await arrive(), await arrive(phone)];
  for (const each of [page, other])
    await each.goto(`/workspaces/${filled.workspaceId}?folder=Large`);
  await other.getByRole('searchbox').fill('4999');
  await other.getByRole('row', { name: 'file 4999.md' }).waitFor();
  await page.getByRole('searchbox').fill('FILE 4999');
  const row = page.getByRole('row', { name: 'file 4999.md' });
  await row.focus();
  await page.keyboard.press('F2');
  await page.getByLabel('New name of').fill('4999 renamed.md');
  await page.keyboard.press('Enter');
  await other.getByRole('row', { name: '4999 renamed.md' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  await page.keyboard.press('Control+z');
  await other.getByRole('row', { name: 'file 4999.md' }).waitFor();
  await page.context().close();
  await other.context().close();
});

test('the focus stays on its row of the sidebar when rows come before it', async () => {
  const page = await newPerson(browser, server.url);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\/workspaces\/[^/]+\/(?:files|folders)/u, async (route) => {
    await held;
    await route.continue();
  });
  await signIn(page, 'ada@example.org');
  const library = page.getByRole('treeitem', { name: 'Library' });
  await library.focus();
  release();
  await page.getByRole('treeitem', { name: 'Welcome.md' }).waitFor();
  expect(await library.evaluate((item) => item === document.activeElement)).toBe(true);
  await page.context().close();
});
