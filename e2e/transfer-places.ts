import { buffer } from 'node:stream/consumers';
import type { CDPSession, Page } from 'playwright-core';
import { ZipFile } from 'yazl';
import type { Place } from './places.ts';

/** The places of uploads and archives; `openFiles` leads to a workspace. */
export function transferPlaces(openFiles: (page: Page) => Promise<void>): Place[] {
  const importPack = async (page: Page) => {
    await openFiles(page);
    await choose(page, [await zip('pack.zip')]);
    await panel(page).getByRole('button', { name: 'Unpack' }).click();
    await panel(page)
      .getByText(/refused 2$/u)
      .waitFor();
  };
  return [
    {
      name: 'upload-running',
      open: async (page) => {
        await openFiles(page);
        await slowDown(page);
        await choose(page, [
          binary('Orthophoto of the dam, north side.bin', 5),
          binary('Soundings.bin', 3),
          binary('Core samples.bin', 2),
          text('plan.txt'),
        ]);
        await panel(page).getByText('Uploading 1 of 4').waitFor();
        await panel(page)
          .getByText(/^1\.\d MB of 5\.0 MB$/u)
          .waitFor();
      },
    },
    {
      name: 'upload-error',
      open: async (page) => {
        await leaveUploads(page);
        await openFiles(page);
        await choose(page, [text('budget.txt'), text('trailing dot.')]);
        await panel(page).getByText('ends with a dot or a space').waitFor();
        await panel(page).getByText('Uploaded 1 of 2').waitFor();
        await choose(page, [await zip('pack.zip')]);
        await panel(page).getByRole('button', { name: 'Unpack' }).waitFor();
      },
    },
    {
      name: 'import-report',
      open: async (page) => {
        await importPack(page);
        await panel(page).getByRole('link', { name: 'Report of pack.zip' }).click();
        await page.getByRole('list', { name: 'Report' }).getByText('Refused').first().waitFor();
      },
    },
    {
      name: 'transfers',
      open: async (page) => {
        const imported = page.getByText('Import into Getting started').first();
        await page.goto('/transfers');
        await imported.or(page.getByText('No import or export yet')).waitFor();
        // Shown without the places before it, there is none yet.
        if (!(await imported.isVisible())) {
          await importPack(page);
          await page.goto('/transfers');
        }
        await imported.waitFor();
      },
    },
  ];
}

const slowed = new WeakMap<Page, CDPSession>();

async function slowDown(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  slowed.set(page, devtools);
  const way = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 2 ** 19 };
  await devtools.send('Network.emulateNetworkConditions', way);
}

/** So that what runs in one place is not shown as interrupted in all that come after it. */
async function leaveUploads(page: Page): Promise<void> {
  const all = panel(page).getByRole('button', { name: 'Cancel all' });
  if (await all.isVisible()) await all.click();
  await slowed.get(page)?.detach();
  slowed.delete(page);
}

type Chosen = { name: string; mimeType: string; buffer: Buffer };

const panel = (page: Page) => page.getByRole('region', { name: 'Uploads and archives' });

function choose(page: Page, files: Chosen[]): Promise<void> {
  return page.locator('input[type=file][multiple]').last().setInputFiles(files);
}

const text = (name: string): Chosen => ({
  ...{ name, mimeType: 'text/plain' },
  buffer: Buffer.from(name),
});

const binary = (name: string, megabytes: number): Chosen => ({
  ...{ name, mimeType: 'application/octet-stream' },
  buffer: Buffer.alloc(megabytes * 2 ** 20, 255),
});

async function zip(name: string): Promise<Chosen> {
  const archive = new ZipFile();
  const paths = ['Survey/north.txt', 'Survey/south.txt', 'Survey/.git/config', 'Survey/open end.'];
  for (const path of paths) archive.addBuffer(Buffer.from(path), path);
  archive.end();
  return { name, mimeType: 'application/zip', buffer: await buffer(archive.outputStream) };
}
