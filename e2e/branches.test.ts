import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must, temporary } from '../server/test/git/repository.ts';
import { launchBrowser } from './browser.ts';
import { newPerson, password, register } from './person.ts';
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

test('a branch that git pushed is seen, merged, and its file is there', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Radia Perlman', 'radia@example.org');
  const signedIn = await fetch(`${server.url}/api/v1/users/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({
      data: { type: 'users', attributes: { email: 'radia@example.org', password } },
    }),
  });
  const { meta } = (await signedIn.json()) as { meta: { accessToken: string } };
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  await page.getByRole('button', { name: 'Clone', exact: false }).click();
  const command = await page.getByText(/^git clone /u).textContent();
  const address = command!
    .replace('git clone ', '')
    .replace('http://', `http://x:${meta.accessToken}@`);
  await page.getByRole('link', { name: 'Branches' }).click();
  await page.getByRole('heading', { name: 'There is only main' }).waitFor();

  const place = await temporary();
  try {
    await must(place.folder, 'clone', '-q', address, 'work');
    const work = join(place.folder, 'work');
    await must(work, 'switch', '-q', '-c', 'topic');
    await writeFile(join(work, 'Pushed.md'), '# Pushed with git\n');
    await must(work, 'add', '-A');
    await must(work, 'commit', '-q', '-m', 'Add a page');
    await must(work, 'push', '-q', 'origin', 'topic');
  } finally {
    await place.remove();
  }

  await page.reload();
  await page.getByText('1 ahead, 0 behind').waitFor();
  await page.getByRole('link', { name: 'topic' }).click();
  await page.getByText('1 file changed').waitFor();
  await page.getByText('Pushed.md').click();
  await page.getByRole('table', { name: 'Changes of Pushed.md' }).waitFor();
  await page.getByRole('button', { name: 'Merge into main' }).click();
  await page.getByText('Merged “topic” into main').waitFor();
  await page.getByRole('grid').getByRole('link', { name: 'Pushed.md' }).waitFor();
  expect(new URL(page.url()).pathname).toMatch(/^\/workspaces\/[^/]+$/u);
});
