/** Measures how long a person waits in a workspace of 5,000 files, beside a page of the same rows without the app. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../e2e/browser.ts';
import { fillWorkspace } from '../e2e/fill-workspace.ts';
import { newPerson, register } from '../e2e/person.ts';
import { startServer } from './support.ts';
import { median, type Row, row } from './table.ts';

const count = 5_000;
const rounds = 5;
const floorName = 'page of the same rows';

export async function run(): Promise<Row[]> {
  const [server, floor, browser] = await Promise.all([
    startServer(),
    startFloor(),
    launchBrowser(),
  ]);
  try {
    const page = await newPerson(browser, server.url);
    await register(page, 'Ada Lovelace', 'ada@example.org');
    const { workspaceId } = await fillWorkspace(page, { files: count, folder: 'Large' });
    const plain = await floorTime(browser, floor.url);
    const folder = `${server.url}/workspaces/${workspaceId}?folder=Large`;
    const times: [string, () => Promise<number>][] = [
      ['first load of Home', () => shown(page, server.url, 'link', 'file 5000.md')],
      [`folder of ${count}, loaded`, () => shown(page, folder, 'row', 'file 1.md')],
      ['unfolded in the sidebar', () => unfolded(page, server.url)],
      ['found in the palette', () => found(page)],
    ];
    const rows: Row[] = [];
    for (const [name, measure] of times)
      rows.push(row(`web: ${name}, ms`, await medianOf(measure), plain, floorName));
    return rows;
  } finally {
    await browser.close();
    await Promise.all([server.stop(), floor.stop()]);
  }
}

async function medianOf(measure: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await measure());
  return median(times);
}

async function shown(page: Page, url: string, role: 'link' | 'row', name: string): Promise<number> {
  const start = performance.now();
  await page.goto(url);
  await page.getByRole(role, { name }).first().waitFor();
  return performance.now() - start;
}

async function unfolded(page: Page, url: string): Promise<number> {
  await page.goto(url);
  const items = page.getByRole('treeitem');
  const library = items.and(page.getByRole('treeitem', { name: 'Library' }));
  await library.focus();
  if ((await library.getAttribute('aria-expanded')) === 'false')
    await page.keyboard.press('ArrowRight');
  const folder = page.getByRole('treeitem', { name: 'Large' });
  await folder.focus();
  if ((await folder.getAttribute('aria-expanded')) === 'true')
    await page.keyboard.press('ArrowLeft');
  // The app must read everything again.
  await page.reload();
  await folder.focus();
  const start = performance.now();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('treeitem', { name: 'file 1.md' }).first().waitFor();
  return performance.now() - start;
}

let searched = 0;

async function found(page: Page): Promise<number> {
  searched += 1;
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  const start = performance.now();
  await page.keyboard.type(`file 432${searched}`);
  await page
    .getByRole('option', { name: `file 432${searched}.md` })
    .first()
    .waitFor();
  const time = performance.now() - start;
  await page.keyboard.press('Escape');
  await page.getByRole('combobox').waitFor({ state: 'detached' });
  return time;
}

async function floorTime(browser: Browser, url: string): Promise<number> {
  const page = await newPerson(browser, url);
  const time = await medianOf(async () => {
    const start = performance.now();
    await page.goto(url);
    // A lookup by role would take seconds among so many rows.
    await page.locator('tr:last-child').waitFor();
    return performance.now() - start;
  });
  await page.context().close();
  return time;
}

/** Serves a table with as many rows as the folder has files. */
async function startFloor() {
  const rows = Array.from(
    { length: count },
    (_, at) => `<tr><td><a href="#">file ${at + 1}.md</a><td>10 B<td>v1<td>now`,
  );
  const text = `<!doctype html><title>Files</title><table>${rows.join('')}</table>`;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
