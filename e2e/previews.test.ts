import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { newPerson, register } from './person.ts';
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

/** A second of silence. */
function wav(): Buffer {
  const rate = 8_000;
  const bytes = Buffer.alloc(44 + rate, 128);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + rate, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate, 28);
  bytes.writeUInt16LE(1, 32);
  bytes.writeUInt16LE(8, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(rate, 40);
  return bytes;
}

const gif = Buffer.from('R0lGODlhAgACAIAAAP8AAP///ywAAAAAAgACAAACA0QCBQA7', 'base64');
const pdf = Buffer.from(
  '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
    '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n\xff',
  'latin1',
);

test('pictures, sound and PDFs are shown, and nothing is shown of what cannot be', async () => {
  const page = await newPerson(browser, server.url);
  const refused: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) refused.push(message.text());
  });
  await register(page, 'Valerie Thomas', 'valerie@example.org');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.getByRole('grid').getByText('Welcome.md').waitFor();
  const files = {
    'dot.gif': gif,
    'silence.wav': wav(),
    'page.pdf': pdf,
    'data.bin': Buffer.from([0, 255, 1]),
  };
  const named = Object.entries(files).map(([name, buffer]) => ({
    ...{ name, buffer },
    mimeType: 'application/octet-stream',
  }));
  await page.locator('input[type=file][multiple]').last().setInputFiles(named);
  await page.getByText('Uploaded 4 files').waitFor();
  const open = async (name: string) => {
    await page.getByRole('treeitem', { name: 'Getting started' }).click();
    await page.getByRole('grid').getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
  };

  await open('dot.gif');
  const picture = page.getByRole('img', { name: 'dot.gif' });
  await picture.waitFor();
  expect(await picture.evaluate((it: HTMLImageElement) => it.naturalWidth)).toBe(2);

  await open('silence.wav');
  const sound = page.locator('audio');
  await expect.poll(() => sound.evaluate((it: HTMLAudioElement) => it.duration)).toBe(1);

  await open('page.pdf');
  await page.locator('iframe[title="page.pdf"][src^="blob:"]').waitFor();

  await open('data.bin');
  await page.getByText('There is no preview for this kind of file.').waitFor();
  expect(refused).toEqual([]);
  await page.context().close();
});
