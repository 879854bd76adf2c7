import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { newPerson, password, register } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let page: Page;
let people = 0;
let email: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  page = await newPerson(browser, server.url);
  email = `frances${people++}@example.org`;
  await register(page, 'Frances Allen', email);
});

afterEach(() => page.context().close());

const workspace = 'Getting started';

test('the storage of a workspace is moved, its progress outlives a visit elsewhere, and its files are read as before', async () => {
  await upload(8, 6);
  await openStorage();
  await page.getByText('What fits nowhere else').waitFor();
  await startMove('Disk');
  await page.getByRole('progressbar', { name: `Progress of moving ${workspace}` }).waitFor();
  await page.getByRole('button', { name: `Stop moving ${workspace}` }).waitFor();
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
  await openStorage();
  await page.getByText('Moved to Disk: 8 contents, 48 MB').waitFor();
  // What lies where is read again by itself.
  await page.getByText('What fits nowhere else').waitFor({ state: 'detached' });
  await page.getByText('Pictures and other small files.').waitFor();

  await startMove('Disk');
  await page.getByText('Moved to Disk: nothing lay elsewhere').waitFor();
});

test('a move that fails says why and what became of the files, and can be tried again', async () => {
  await upload(3, 1);
  await rm((await contents()).at(-1)!);
  await openStorage();
  await startMove('Disk');
  const text = await page.getByText('The move to Disk has failed').textContent();
  expect(text).toMatch(/: .+\. [012] of 3 were moved, the rest stays where it was\./u);
  await page.getByRole('button', { name: `Move the storage of ${workspace}` }).waitFor();
});

test('a workspace with nothing in it is moved, and what comes later goes there', async () => {
  await page.goto('/workspaces');
  await page.getByRole('button', { name: 'New workspace' }).first().click();
  await page.getByLabel('Name').fill('Empty one');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'This workspace is empty' }).waitFor();
  await page.goto('/settings/storage');
  const row = page.getByRole('listitem').filter({ hasText: 'Empty one' });
  await row.getByText('Nothing is stored yet').waitFor();
  await startMove('Disk', 'Empty one');
  await row.getByText('Moved to Disk: nothing lay elsewhere').waitFor();
  await row.getByRole('button', { name: 'Move the storage of Empty one' }).click();
  const present = page.getByRole('dialog').getByRole('radio', { name: 'Disk · now' });
  expect(await present.isChecked()).toBe(true);
  await page.keyboard.press('Escape');
  // What would be kept by both is on the disk alone.
  await page.getByRole('treeitem', { name: 'Empty one' }).click();
  await page.getByRole('heading', { name: 'This workspace is empty' }).waitFor();
  await choose(1, 1);
  await page.goto('/settings/storage');
  await row.getByText('1 file, 1.0 MB').waitFor();
  await page.getByText('Pictures and other small files.').waitFor();
  expect(await page.getByText('What fits nowhere else').count()).toBe(0);
});

test('the end of a move is told elsewhere in the app, with a way to it, also of one that failed', async () => {
  await upload(2, 1);
  const id = new URL(page.url()).pathname.split('/').at(-1)!;
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
  await askToMove(id, 'disk');
  const notices = page.getByRole('region', { name: 'Notices' });
  await notices.getByText(`The storage of “${workspace}” was moved`).waitFor();
  await notices.getByText('Moved to Disk: 2 contents, 2.0 MB').waitFor();
  await notices.getByRole('button', { name: 'Show' }).click();
  await page.getByRole('heading', { name: 'By workspace' }).waitFor();

  await rm((await contents()).at(-1)!);
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
  await askToMove(id, 'hybrid');
  await notices.getByText(`The storage of “${workspace}” could not be moved`).waitFor();
  await notices.getByText(/The move to Disk and S3 has failed: .+ stays where it was/u).waitFor();
});

/** Puts files into the workspace that are no text: they lie outside git. */
async function upload(count: number, megabytes: number): Promise<void> {
  await page.getByRole('treeitem', { name: workspace }).click();
  await page.getByRole('grid').getByText('Welcome.md').waitFor();
  await choose(count, megabytes);
}

/** Uploads files to the workspace that is shown. */
async function choose(count: number, megabytes: number): Promise<void> {
  const files = Array.from({ length: count }, (_, at) => ({
    ...{ name: `Sample ${at}.bin`, mimeType: 'application/octet-stream' },
    buffer: Buffer.concat([Buffer.of(0, 255), randomBytes(megabytes * 2 ** 20 - 2)]),
  }));
  await page.locator('input[type=file][multiple]').last().setInputFiles(files);
  await page.getByText(`Uploaded ${count === 1 ? '1 file' : `${count} files`}`).waitFor();
}

async function openStorage(): Promise<void> {
  await page.getByRole('treeitem', { name: workspace }).click();
  await page.getByRole('button', { name: 'Import and export' }).click();
  await page.getByRole('menuitem', { name: 'Where it is kept' }).click();
  await page.getByRole('heading', { name: 'By workspace' }).waitFor();
}

async function startMove(backend: string, of = workspace): Promise<void> {
  await page.getByRole('button', { name: `Move the storage of ${of}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: backend, exact: false }).first().check();
  await dialog.getByRole('button', { name: 'Move', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Begins a move as the person does, while the page shows something else. */
async function askToMove(id: string, backend: string): Promise<void> {
  const post = async (path: string, type: string, attributes: object, token?: string) => {
    const headers = {
      ...{ 'content-type': 'application/vnd.api+json' },
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const body = JSON.stringify({ data: { type, attributes } });
    const answer = await fetch(`${server.url}/api/v1${path}`, { method: 'POST', headers, body });
    expect(answer.ok).toBe(true);
    return (await answer.json()) as { meta: { accessToken: string } };
  };
  const { meta } = await post('/users/sign-in', 'users', { email, password });
  await post(`/workspaces/${id}/move-storage`, 'workspaces', { backend }, meta.accessToken);
}

/** The contents of whoever registered last, as files on the server's disk. */
async function contents(): Promise<string[]> {
  const folders = await readdir(join(server.dataDir, 'blobs'));
  const teams = folders.filter((name) => /^[0-9a-f-]{36}$/u.test(name));
  const root = join(server.dataDir, 'blobs', teams.sort().at(-1)!);
  const all = await readdir(root, { recursive: true, withFileTypes: true });
  const files = all.filter((each) => each.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name)).sort();
}
