import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { launchBrowser } from './browser.ts';
import { newPerson, register } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-uploads-'));
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Someone in the workspace that a new account has. */
async function inWorkspace(name: string, email: string): Promise<Page> {
  const page = await newPerson(browser, server.url);
  await register(page, name, email);
  await openWorkspace(page);
  return page;
}

async function openWorkspace(page: Page): Promise<void> {
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.getByRole('grid').getByText('Welcome.md').waitFor();
}

const picker = (page: Page) => page.locator('input[type=file][multiple]').last();
const panel = (page: Page) => page.getByRole('region', { name: 'Uploads and archives' });

/** A file on the disk, whose bytes differ everywhere and are no text. */
async function large(name: string, size: number): Promise<{ path: string; bytes: Buffer }> {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, bytes };
}

/** Lets so many bytes a second out of the page; -1 for as many as there are. */
async function slow(page: Page, uploadThroughput: number): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput };
  await devtools.send('Network.emulateNetworkConditions', conditions);
}

/** The bytes of a file, saved by its own button. */
async function saved(page: Page, name: string): Promise<Buffer> {
  await openWorkspace(page);
  await page.getByRole('button', { name: `More actions: ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Preview' }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('complementary').getByRole('button', { name: 'Download' }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe(name);
  return readFile(await download.path());
}

test('30 MB go on where they were when the server went away, while one moves through the app', async () => {
  const page = await inWorkspace('Ada Lovelace', 'ada@example.org');
  const { path, bytes } = await large('readings.bin', 30 * 2 ** 20);
  const offsets: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  await slow(page, 6 * 2 ** 20);
  await picker(page).setInputFiles(path);
  await panel(page)
    .getByText(/^1\d MB of 30 MB$/u)
    .last()
    .waitFor();
  await server.leave(async () => {
    await panel(page).getByText('The server is away; trying again').waitFor();
    await page.getByRole('link', { name: 'Trash' }).first().click();
  });
  await slow(page, -1);
  await page.getByText('Uploaded 1 file').waitFor();
  expect(offsets[0]).toBe(0);
  expect(offsets.at(-1)).toBeGreaterThan(2 ** 20);
  expect(await panel(page).getByText('New file').count()).toBe(1);
  expect((await saved(page, 'readings.bin')).equals(bytes)).toBe(true);
  await page.context().close();
});

test('what a reload interrupted goes on once the same file is chosen again; cancelled, it is gone', async () => {
  const page = await inWorkspace('Grace Hopper', 'grace@example.org');
  const { path, bytes } = await large('tape.bin', 8 * 2 ** 20);
  const other = await large('other.bin', 2 ** 20);
  await slow(page, 2 ** 20);
  await picker(page).setInputFiles(path);
  await panel(page)
    .getByText(/^[3-7]\.\d MB of 8\.0 MB$/u)
    .last()
    .waitFor();
  await page.reload();
  await panel(page).getByText('Interrupted. Choose it again to go on.').waitFor();
  const again = panel(page).locator('[data-choose-again]');
  await again.setInputFiles(other.path);
  await panel(page).getByText('That is another file').waitFor();

  const offsets: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  await again.setInputFiles(path);
  await page.getByText('Uploaded 1 file').waitFor();
  expect(offsets).toHaveLength(1);
  expect(offsets[0]).toBeGreaterThan(0);
  expect((await saved(page, 'tape.bin')).equals(bytes)).toBe(true);

  await page.reload();
  await openWorkspace(page);
  expect(await panel(page).count()).toBe(0);
  await page.context().close();
});

test('pause keeps what was sent, resume goes on, cancel leaves nothing', async () => {
  const page = await inWorkspace('Mary Somerville', 'mary@example.org');
  const [first, second] = [await large('a.bin', 6 * 2 ** 20), await large('b.bin', 6 * 2 ** 20)];
  await slow(page, 2 ** 20);
  await picker(page).setInputFiles([first.path, second.path]);
  await panel(page)
    .getByText(/^[1-4]\.\d MB of 6\.0 MB$/u)
    .first()
    .waitFor();
  await panel(page).getByRole('button', { name: 'Pause a.bin' }).click();
  await panel(page)
    .getByText(/^Paused at/u)
    .waitFor();
  const ended = page.waitForResponse((response) => response.request().method() === 'DELETE');
  await panel(page).getByRole('button', { name: 'Cancel b.bin' }).click();
  expect((await ended).status()).toBe(204);
  await slow(page, -1);
  const goesOn = page.waitForRequest((request) => request.method() === 'PATCH');
  await panel(page).getByRole('button', { name: 'Resume a.bin' }).click();
  expect(Number((await goesOn).headers()['upload-offset'])).toBeGreaterThan(0);
  await page.getByText('Uploaded 1 file').waitFor();
  expect((await saved(page, 'a.bin')).equals(first.bytes)).toBe(true);
  expect(await page.getByRole('grid').getByText('b.bin').count()).toBe(0);
  await page.context().close();
});

test('a folder keeps its folders; what is there gets a version or is left; what is refused says why', async () => {
  const page = await inWorkspace('Katherine Johnson', 'katherine@example.org');
  const root = join(folder, 'Orbit');
  await mkdir(join(root, 'inner/deep'), { recursive: true });
  await writeFile(join(root, 'plan.txt'), 'plan');
  await writeFile(join(root, 'inner/deep/numbers.txt'), '1 2 3');
  await writeFile(join(root, 'inner/bad..'), 'x');
  const send = async () => {
    await page.locator('input[webkitdirectory]').setInputFiles(root);
  };
  await send();
  await page.getByText('Uploaded 2 of 3').waitFor();
  await panel(page).getByText('ends with a dot or a space').waitFor();
  expect(await panel(page).getByText('New file').count()).toBe(2);
  await page.getByRole('grid').getByRole('link', { name: 'Orbit' }).click();
  await page.getByRole('grid').getByRole('link', { name: 'inner' }).click();
  await page.getByRole('grid').getByRole('link', { name: 'deep' }).click();
  await page.getByRole('grid').getByRole('link', { name: 'numbers.txt' }).waitFor();

  await openWorkspace(page);
  await rm(join(root, 'inner/bad..'));
  await writeFile(join(root, 'plan.txt'), 'another plan');
  await panel(page).getByRole('button', { name: 'Close' }).click();
  await send();
  await page.getByText('Uploaded 2 files').waitFor();
  expect(await panel(page).getByText('New version').count()).toBe(1);
  expect(await panel(page).getByText('Same as before').count()).toBe(1);
  await panel(page).getByRole('link', { name: 'plan.txt' }).click();
  await page.getByText('another plan').waitFor();
  await page.context().close();
});

test('a folder that is dropped keeps its folders, and says which were empty', async () => {
  const page = await inWorkspace('Dorothy Vaughan', 'dorothy@example.org');
  const root = join(folder, 'Dropped');
  await mkdir(join(root, 'nothing here'), { recursive: true });
  await mkdir(join(root, 'inside'));
  await writeFile(join(root, 'inside/one.txt'), 'one');
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: [root], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await devtools.send('Input.dispatchDragEvent', { type, x: 700, y: 700, data });
  await page.getByText('Uploaded 1 file').waitFor();
  await panel(page).getByText('The folder “Dropped/nothing here” is empty').waitFor();
  await page.getByRole('grid').getByRole('link', { name: 'Dropped' }).click();
  await page.getByRole('grid').getByRole('link', { name: 'inside' }).click();
  await page.getByRole('grid').getByRole('link', { name: 'one.txt' }).waitFor();
  await page.context().close();
});

test('an upload that takes longer than its token lives goes on', async () => {
  const strict = await startServer({ AUTH_ACCESS_TTL: '10' });
  try {
    const page = await newPerson(browser, strict.url);
    await register(page, 'Mary Jackson', 'jackson@example.org');
    await openWorkspace(page);
    const { path } = await large('long.bin', 7 * 2 ** 20);
    await slow(page, 2 ** 19);
    const refused: number[] = [];
    page.on('response', (response) => {
      if (response.url().includes('/uploads')) refused.push(response.status());
    });
    await picker(page).setInputFiles(path);
    await page.getByText('Uploaded 1 file').waitFor();
    expect(refused).toEqual([201, 204]);
    await page.context().close();
  } finally {
    await strict.stop();
  }
});

test('more files than fit on a screen are sent, and only what is in view is drawn', async () => {
  const page = await inWorkspace('Annie Easley', 'annie@example.org');
  const many = Array.from({ length: 120 }, (_, index) => ({
    ...{ name: `note ${index}.txt`, mimeType: 'text/plain' },
    buffer: Buffer.from(`Note ${index}`),
  }));
  await picker(page).setInputFiles(many);
  await page.getByText(/^Uploading \d+ of 120/u).waitFor();
  expect(await panel(page).getByRole('listitem').count()).toBeLessThan(30);
  await page.getByText('Uploaded 120 files').waitFor({ timeout: 240_000 });
  await page.getByText('1 folder, 122 files').waitFor();
  await page.context().close();
}, 300_000);

test('a zip is asked about and unpacked; its report says what was refused and why', async () => {
  const page = await inWorkspace('Hedy Lamarr', 'hedy@example.org');
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from('one'), 'music/one.txt');
  zip.addBuffer(Buffer.from('two'), 'music/two.txt');
  zip.addBuffer(Buffer.from('bad'), 'music/.git/config');
  zip.end();
  const path = join(folder, 'pack.zip');
  await writeFile(path, await buffer(zip.outputStream));

  await picker(page).setInputFiles(path);
  await panel(page).getByRole('button', { name: 'Unpack' }).click();
  await panel(page).getByText('Unpacked 2 files, refused 1').waitFor();
  await panel(page).getByRole('link', { name: 'Report of pack.zip' }).click();
  const report = page.getByRole('list', { name: 'Report' });
  await expect.poll(() => report.getByRole('listitem').count()).toBe(3);
  await page.getByRole('radio', { name: 'Refused' }).click();
  await expect.poll(() => report.getByRole('listitem').count()).toBe(1);
  expect(await report.textContent()).toContain('The path contains a form of ".git".');

  await page.reload();
  await page.getByRole('heading', { name: 'Import into Getting started' }).waitFor();
  await openWorkspace(page);
  await page.getByRole('grid').getByRole('link', { name: 'music' }).click();
  await page.getByRole('grid').getByRole('link', { name: 'one.txt' }).waitFor();
  await page.context().close();
});

test('a workspace is downloaded as a zip that holds its files', async () => {
  const page = await inWorkspace('Joan Clarke', 'joan@example.org');
  const sent = { name: 'key.txt', mimeType: 'text/plain', buffer: Buffer.from('enigma') };
  await picker(page).setInputFiles(sent);
  await page.getByText('Uploaded 1 file').waitFor();
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Import and export' }).click();
  await page.getByRole('menuitem', { name: 'Download as zip' }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe('Getting started.zip');
  expect(await contentsOf(await readFile(await download.path()))).toMatchObject({
    'key.txt': 'enigma',
    'Welcome.md': expect.stringContaining('#'),
  });

  await page.getByRole('button', { name: 'Import and export' }).click();
  await page.getByRole('menuitem', { name: 'Imports and exports' }).click();
  await page.getByText('Export of Getting started').waitFor();
  await page.context().close();
});

test('pictures stand in the list as themselves, once the server has made them small', async () => {
  const page = await inWorkspace('Lillian Schwartz', 'lillian@example.org');
  const refused: string[] = [];
  page.on('response', (response) => {
    if (response.status() >= 400) refused.push(response.url());
  });
  const dot = Buffer.from('R0lGODlhAgACAIAAAP8AAP///ywAAAAAAgACAAACA0QCBQA7', 'base64');
  await picker(page).setInputFiles({ name: 'dot.gif', mimeType: 'image/gif', buffer: dot });
  const picture = page.getByRole('row', { name: 'dot.gif' }).locator('img[src^="blob:"]');
  await picture.waitFor();
  expect(await picture.evaluate((it: HTMLImageElement) => it.naturalWidth)).toBeGreaterThan(0);
  expect(refused).toEqual([]);
  await page.context().close();
});

async function contentsOf(archive: Buffer): Promise<Record<string, string>> {
  const zip = await fromBufferPromise(archive, { lazyEntries: true });
  const found: Record<string, string> = {};
  for await (const entry of zip.eachEntry())
    found[entry.fileName] = (await buffer(await zip.openReadStreamPromise(entry))).toString();
  return found;
}
