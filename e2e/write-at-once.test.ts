import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import {
  desktop,
  newPerson,
  openText,
  phone,
  publishedText,
  register,
  saved,
  signedInByApi,
} from './person.ts';
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

const sentence = 'The quick brown fox, / ? g h: all of it.';

for (const [name, size] of Object.entries({ desktop, phone })) {
  test(`13.B1 what is typed after "New document" is in the document, on a ${name}`, async () => {
    const page = await newPerson(browser, server.url, size);
    await register(page, 'Ada', `ada-${name}@example.org`);
    const api = await signedInByApi(server.url, `ada-${name}@example.org`);
    for (const [at, delay] of [0, 0, 15, 120].entries()) {
      await page.goto('/');
      const button = page.getByRole('button', { name: size === phone ? 'New' : 'New document' });
      await button.last().click();
      await page.keyboard.type(sentence, { delay });
      expect(await textOf(page), `delay ${delay}`).toBe(sentence);
      const path = at === 0 ? 'Untitled.md' : `Untitled ${at + 1}.md`;
      expect(await page.title()).toContain(path);
      expect(await publishedText(page, api)).toBe(`${sentence}\n`);
    }
    await page.context().close();
  });
}

test('13.B1 it may take long: text, lines and Markdown wait for the editor', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Grace', 'grace@example.org');
  const api = await signedInByApi(server.url, 'grace@example.org');
  await page.route('**/assets/*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    await route.continue();
  });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('New document');
  await page.keyboard.press('Enter');
  await page.keyboard.type('# Title\nfirst\n- one\ntwo', { delay: 5 });
  await page.unrouteAll({ behavior: 'wait' });
  await textOf(page);
  expect(await publishedText(page, api)).toBe('# Title\n\nfirst\n\n- one\n- two\n');
  await page.keyboard.type(' more');
  await saved(page);
  expect(await publishedText(page, api)).toBe('# Title\n\nfirst\n\n- one\n- two more\n');
  await page.context().close();
});

test('13.B1 while it cannot be created the text stays, over a reload too, and goes in later', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Alan', 'alan@example.org');
  await page.route('**/api/v1/files', (route) => route.abort());
  await page.getByRole('button', { name: 'New document' }).click();
  await page.keyboard.type('kept');
  await page.getByText('Your text stays here.').waitFor();
  await page.reload();
  await page.getByText('Your text stays here.').waitFor();
  const pad = page.getByRole('textbox', { name: 'Text of the new document' });
  expect(await pad.inputValue()).toBe('kept');
  await page.unroute('**/api/v1/files');
  await page.getByRole('button', { name: 'Try again' }).click();
  expect(await textOf(page)).toBe('kept');
  await page.context().close();
});

test('13.B1 who goes elsewhere before the editor is there finds the text in the file', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Mary', 'mary@example.org');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/v1/files', async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole('button', { name: 'New document' }).click();
  await page.keyboard.type('left behind');
  await page.getByRole('link', { name: 'Trash' }).click();
  release();
  await page.getByText('Your text is in “Untitled.md”').waitFor();
  await page.goto('/');
  await page.getByRole('link', { name: 'Untitled.md' }).first().click();
  expect(await textOf(page)).toBe('left behind');
  await page.context().close();
});

test('13.B1 a second document begun while the first is still being written keeps its own text', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Barbara', 'barbara@example.org');
  const api = await signedInByApi(server.url, 'barbara@example.org');
  const workspace = (await api.get<{ id: string }[]>('/workspaces')).body.data[0]!;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/v1/files', async (route) => {
    await held;
    await route.continue();
  });
  const start = () => page.getByRole('button', { name: 'New document' }).first().click();
  await start();
  await page.keyboard.type('of the first');
  await page.getByRole('link', { name: 'Trash' }).click();
  await page.getByRole('link', { name: 'Home' }).click();
  await start();
  await page.keyboard.type('of the second');
  const pad = page.getByRole('textbox', { name: 'Text of the new document' });
  expect(await pad.inputValue()).toBe('of the second');
  release();
  await page.getByText('Your text is in “Untitled').waitFor();
  await page.keyboard.type(', all of it');
  expect(await textOf(page)).toBe('of the second, all of it');
  const files = await api.get<{ id: string }[]>(`/workspaces/${workspace.id}/files`);
  const texts = await Promise.all(
    files.body.data.map(async ({ id }) => (await api.fetch(`/files/${id}/content`)).text()),
  );
  expect(texts).toContain('of the first');
  await page.context().close();
});

test('13.B1 what is pasted at once is read as in the editor', async () => {
  const page = await newPerson(browser, server.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await register(page, 'Donald', 'donald@example.org');
  const api = await signedInByApi(server.url, 'donald@example.org');
  const pasted = '- one\n- two\n\n1. three\n2. four\n\n```js\nlet a = 1;\n```\n\nend\n';
  await page.evaluate((text) => navigator.clipboard.writeText(text), pasted);
  await page.getByRole('button', { name: 'New document' }).click();
  await page.keyboard.press('Control+v');
  await textOf(page);
  expect(await publishedText(page, api)).toBe(pasted);
  await page.context().close();
});

test('13.B1 a long text that waits for the editor is Markdown like a short one', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Frances', 'frances@example.org');
  const api = await signedInByApi(server.url, 'frances@example.org');
  await page.route('**/api/v1/files', async (route) => {
    await page.keyboard.insertText(`# Title\n\n${'many words '.repeat(400)}end`);
    await route.continue();
  });
  await page.getByRole('button', { name: 'New document' }).click();
  await textOf(page);
  const text = `# Title\n\n${'many words '.repeat(400)}end\n`;
  expect(await publishedText(page, api)).toBe(text);
  await page.context().close();
});

test('13.B1 the palette over the pad keeps what is typed into it', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Edith', 'edith@example.org');
  await page.route('**/api/v1/files', (route) => route.abort());
  await page.getByRole('button', { name: 'New document' }).click();
  await page.keyboard.type('kept');
  await page.getByText('Your text stays here.').waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.type('Trash');
  expect(await page.getByRole('combobox').inputValue()).toBe('Trash');
  const pad = page.getByRole('textbox', { name: 'Text of the new document' });
  expect(await pad.inputValue()).toBe('kept');
  await page.context().close();
});

test('13.B1 a notebook opens with its title selected', async () => {
  const page = await newPerson(browser, server.url);
  await register(page, 'Edsger', 'edsger@example.org');
  const api = await signedInByApi(server.url, 'edsger@example.org');
  await page.getByRole('button', { name: 'New notebook' }).click();
  await page.keyboard.type('Runbook');
  await openText(page);
  await saved(page);
  expect(await publishedText(page, api)).toMatch(/^# Runbook\n\nWrite text as usual/u);
  await page.context().close();
});

async function textOf(page: Page): Promise<string | null> {
  const text = await openText(page);
  await saved(page);
  return text.evaluate((element) => (element as HTMLElement).textContent.trim());
}
