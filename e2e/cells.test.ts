import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { goToEnd, newDocument, newPerson, noticed, phone, register, saved } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let page: Page;
let address: string;

const text = `# Cells

\`\`\`python {name=slow}
import time
kept = 1
print("before", flush=True)
time.sleep(60)
\`\`\`

\`\`\`mermaid
graph TD; A-->B
\`\`\`

\`\`\`
no language
\`\`\`

| Region | Servers | Cost | Owner |
| --- | --- | --- | --- |
| Europe | 12 | 340 | Ada |

End.
`;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  page = await newPerson(browser, server.url);
  await register(page, 'Ada Lovelace', 'ada@example.org');
  await newDocument(page, 'cells.md');
  await goToEnd(page);
  await paste(text);
  await saved(page);
  address = page.url();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function paste(markdown: string): Promise<void> {
  await page.locator('.elim-text').evaluate((node, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    const event = { clipboardData, bubbles: true, cancelable: true };
    node.dispatchEvent(new ClipboardEvent('paste', event));
  }, markdown);
}

const selected = (): Promise<string> => page.evaluate(() => String(getSelection()));

test('13.B7 Ctrl+A selects the text of a cell first, then the document', async () => {
  await page.getByText('graph TD').click();
  await noticed(page);
  await page.keyboard.press('Control+a');
  await noticed(page);
  expect(await selected()).toBe('graph TD; A-->B');
  await page.keyboard.press('Control+a');
  await noticed(page);
  expect(await selected()).toContain('Cells');
  await page.getByText('graph TD').click();
  await noticed(page);
  await page.keyboard.press('Control+a');
  await noticed(page);
  for (const key of ['Backspace', 'Control+a', 'Control+a', 'Backspace']) {
    await page.keyboard.press(key);
    await noticed(page);
  }
  await page.getByText('import time').waitFor();
  expect(await page.getByText('End.').count()).toBe(1);
  await page.keyboard.press('Control+z');
  await page.getByText('graph TD').waitFor();
});

test('13.B7 only blocks that something here runs have a Run control', async () => {
  await page.goto(address);
  await page.getByRole('button', { name: 'Run slow' }).waitFor();
  expect(await page.locator('.elim-cell').count()).toBe(3);
  expect(await page.locator('.elim-cell-gutter button').count()).toBe(1);
  await page.getByText('graph TD').click();
  await noticed(page);
  await page.keyboard.press('Control+Enter');
  await page.getByText('Nothing here runs “mermaid”.').waitFor();
});

test('13.B7 a click on the drag handle keeps the caret', async () => {
  await page.getByText('End.').click();
  await noticed(page);
  await page.keyboard.press('End');
  await page.getByText('End.').hover();
  await page.locator('.elim-handle:visible').click();
  await noticed(page);
  await page.keyboard.type('X');
  await page.getByText('End.X').waitFor();
  await page.keyboard.press('Backspace');
});

test('13.B7 a cell that was stopped says so, without a traceback', {
  timeout: 120_000,
}, async () => {
  await page.getByRole('button', { name: 'Run slow' }).click();
  const output = page.getByRole('region', { name: 'Output' }).first();
  await output.getByText('before').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await output.getByText('Stopped').waitFor();
  expect(await output.textContent()).not.toContain('KeyboardInterrupt');
  expect(await output.locator('.text-danger').count()).toBe(0);
  await page.reload();
  await output.getByText('Stopped').waitFor();
  await output.getByText('before').waitFor();
  expect(await output.textContent()).not.toContain('Traceback');
});

test('13.B7 on a phone all cells can be run, and the tools of a long table are in sight', async () => {
  await page.setViewportSize(phone);
  await page.goto(address);
  await page.getByRole('button', { name: 'Run all cells' }).waitFor();
  await page.getByText('End.', { exact: true }).click();
  await noticed(page);
  const row = (at: number) => `| ${at}a | ${at}b | ${at}c | ${at}d | ${at}e | ${at}f |`;
  const rows = Array.from({ length: 40 }, (_, at) => row(at));
  await paste([rows[0], '| - | - | - | - | - | - |', ...rows.slice(1), '', 'After.'].join('\n'));
  for (const word of ['0a', '0f', '20b', '20f', '39a']) {
    await page.getByText(word, { exact: true }).click();
    const tools = page.getByRole('toolbar', { name: 'Table' });
    await tools.waitFor();
    // The tools follow the caret after 80 ms.
    await page.waitForTimeout(200);
    for (const tool of await tools.getByRole('button').all()) {
      const box = (await tool.boundingBox())!;
      expect([word, box.x >= 0, box.x + box.width <= phone.width]).toEqual([word, true, true]);
      // Below the bar and the formatting, above the navigation.
      expect([word, box.y >= 84, box.y + box.height <= phone.height - 64]).toEqual([
        word,
        true,
        true,
      ]);
    }
  }
});
