import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { markdown, Stage, settled } from './browser.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let stage: Stage;
let page: Page;
beforeAll(async () => {
  stage = await Stage.open();
  page = await stage.page({ text: '' });
});
afterAll(() => stage.close());

/** Empties the document, or opens it again with a text, and puts the caret at its end. */
async function start(text?: string): Promise<void> {
  if (text !== undefined) page = await stage.page({ text });
  else
    await page.evaluate(() => {
      const { editor } = window as unknown as {
        editor(): { commands: { setContent(content: string): void } };
      };
      editor().commands.setContent('');
    });
  await page.locator('.elim-text').focus();
  await settled(page);
  await page.keyboard.press('Control+End');
  await settled(page);
}

async function typed(text: string): Promise<string> {
  await start();
  await type(text);
  return markdown(page);
}

async function type(text: string): Promise<void> {
  for (const [at, line] of text.split('\n').entries()) {
    if (at > 0) await page.keyboard.press('Enter');
    if (line) await page.keyboard.type(line);
  }
}

async function paste(data: Record<string, string>): Promise<void> {
  await page.locator('.elim-text').evaluate((node, parts) => {
    const clipboardData = new DataTransfer();
    for (const [kind, value] of Object.entries(parts)) clipboardData.setData(kind, value);
    node.dispatchEvent(
      new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
    );
  }, data);
}

const visible = (): Promise<string> =>
  page.evaluate(() => {
    const { editor } = window as unknown as {
      editor(): { getText(options: { blockSeparator: string }): string };
    };
    return editor().getText({ blockSeparator: '\n' });
  });

test.each([
  ['Total is 2 * 3 * 4 units', 'Total is 2 * 3 * 4 units\n'],
  ['a _ b _ c', 'a _ b _ c\n'],
  ['5 ** 2 ** 3', '5 \\*\\* 2 \\*\\* 3\n'],
  ['from ~~ to ~~ there', 'from \\~\\~ to \\~\\~ there\n'],
  ['snake_case_name', 'snake_case_name\n'],
  ['2*3*4 a~~b~~c', undefined],
  ['run ` x ` now', undefined],
  ['*.log files, *.tmp', undefined],
  ['\\*a* and \\_b_', undefined],
  ['## not a #tag', undefined],
  ['12345678901. many digits', undefined],
  ['[(] and [ ] and [x]', undefined],
  ['[(] at the start', undefined],
  ['[ ] no list', undefined],
  ['---> arrow', undefined],
  ['--- dashes', undefined],
  ['— - dash', undefined],
  ['```not code``` inline', undefined],
  ['~~~ no Enter', undefined],
  ['``` is a fence\nof code', undefined],
  ['==marked== (c) -> ... "quotes"', undefined],
  ['see README.md and main.rs for it', 'see README.md and main.rs for it\n'],
  ['a | b & c < d > e $5 and $6 #1 ! [x](y z) ![', undefined],
])('13.A1 typing %j stays as typed', async (text, file) => {
  const written = await typed(text);
  // A heading's or fence's sign at the start of its line is a shortcut and is not shown.
  expect(await visible()).toBe(text.replace(/^## /, ''));
  if (file !== undefined) expect(written).toBe(file);
  expect(await page.locator('.elim-text :is(em, strong, s, code, hr, input)').count()).toBe(0);
  const read = await reread(written);
  expect(read).toBe((await visible()).replaceAll('\n', ''));
});

/** The visible text of Markdown after it is opened again. */
async function reread(written: string): Promise<string> {
  return page.evaluate((text) => {
    const { readText } = window as unknown as { readText(text: string): string };
    return readText(text);
  }, written);
}

test.each([
  ['an *italic* word', 'an *italic* word\n'],
  ['an _italic_ word', 'an *italic* word\n'],
  ['(**bold**) and __bold__', '(**bold**) and **bold**\n'],
  ['*a **b** c*', '*a **b** c*\n'],
  ['~~gone~~ `code`', '~~gone~~ `code`\n'],
  ['see ![alt](a.png) here', 'see ![alt](a.png) here\n'],
  ['# Title\ntext', '# Title\n\ntext\n'],
  ['> quoted', '> quoted\n'],
  ['- one\ntwo', '- one\n- two\n'],
  ['3. three\nfour', '3. three\n4. four\n'],
  ['- [ ] open\nnext', '- [ ] open\n- [ ] next\n'],
  ['- [x] done', '- [x] done\n'],
  ['1. [ ] first', '1. [ ] first\n'],
  ['```sh {name=a}\necho', '```sh {name=a}\necho\n```\n'],
  ['~~~c++\nx', '```c++\nx\n```\n'],
  ['above\n---\nbelow', 'above\n\n---\n\nbelow\n'],
  ['at https://example.org now', 'at <https://example.org> now\n'],
])('13.A1 typing %j is the shortcut it is in CommonMark', async (text, file) => {
  expect(await typed(text)).toBe(file);
});

test.each([
  ['an *italic*', 'an *italic*'],
  ['a `b`', 'a `b`'],
  ['# ', '# '],
  ['- ', '- '],
  ['1. ', '1. '],
  ['> ', '> '],
  ['```js\n', '```js'],
  ['---\n', '---'],
  ['![a](b.png)', '![a](b.png)'],
])('13.A1 undo right after %j gives back the typed text', async (text, back) => {
  for (const key of ['Control+z', 'Backspace']) {
    await typed(text);
    expect(await visible()).not.toBe(back);
    await page.keyboard.press(key);
    expect(await visible()).toBe(back);
    expect(await page.locator('.elim-text > p').count()).toBe(1);
  }
});

test.each([
  ['2 * 3 * 4', '2 * 3 * 4\n'],
  ['override __init__', 'override \\_\\_init\\_\\_\n'],
  ['*.log files, *.tmp', undefined],
  ['=A1 * B1 * C1', '=A1 * B1 * C1\n'],
  ['a literal `x` and **y** ~~z~~ _w_', undefined],
])('13.A2 pasting %j from a page keeps its signs', async (text, file) => {
  await start();
  const html = `<meta charset="utf-8"><p>${text}</p>`;
  await paste({ 'text/html': html, 'text/plain': text });
  expect(await visible()).toBe(text);
  expect(await page.locator('.elim-text :is(em, strong, s, code)').count()).toBe(0);
  const written = await markdown(page);
  if (file !== undefined) expect(written).toBe(file);
  expect(await reread(written)).toBe(text);
});

test('13.A2 a pasted spreadsheet keeps its signs and its cells', async () => {
  await start();
  const row = '<tr><td>=A1 * B1 * C1</td><td>__init__</td></tr>';
  await paste({ 'text/html': `<table>${row}${row}</table>`, 'text/plain': 'x' });
  expect(await page.locator('.elim-text :is(em, strong)').count()).toBe(0);
  expect(await reread(await markdown(page))).toBe((await visible()).replaceAll('\n', ''));
  expect(await markdown(page)).toContain('| =A1 * B1 * C1 |');
});

const fence = '```js\nlet a = 1;\n```';
test.each([
  ['Some text.', fence, `Some text.\n\n${fence}\n`],
  ['# One', '# Two', '# One\n\n# Two\n'],
  ['Some text.', '- a\n- b', 'Some text.\n\n- a\n- b\n'],
  ['Some text.', '> q', 'Some text.\n\n> q\n'],
  ['Some text.', ' more **bold** ', 'Some text. more **bold**\n'],
  ['Some text.', `More.\n\n${fence}\n\nEnd.`, `Some text.More.\n\n${fence}\n\nEnd.\n`],
  ['', '1. a\n2. *b*', '1. a\n2. *b*\n'],
  ['- one', '- a\n- b', '- one\n  - a\n  - b\n'],
  ['1. one\n2. two', '- a\n- b', '1. one\n2. two\n   - a\n   - b\n'],
  ['- one', 'more\n\nend', '- onemore\n\n  end\n'],
  ['', fence, `${fence}\n`],
])('13.A2 after %j the pasted Markdown %j keeps its blocks', async (before, pasted, file) => {
  await start(`${before}\n`);
  await paste({ 'text/plain': pasted });
  expect(await markdown(page)).toBe(file);
});

test('13.A2 headings and code pasted as HTML do not merge into a heading', async () => {
  await start('# One\n');
  await paste({ 'text/html': '<h1>Two</h1><pre><code>x * y * z</code></pre>', 'text/plain': '' });
  expect(await markdown(page)).toBe('# One\n\n# Two\n\n```\nx * y * z\n```\n');
});

test('13.A2 lines pasted into a cell of a table stay in it', async () => {
  await start('| a | b |\n| --- | --- |\n| c | d |\n');
  await page.getByText('d', { exact: true }).click();
  await settled(page);
  await page.keyboard.press('End');
  await paste({ 'text/plain': 'one\n\ntwo * three' });
  expect(await markdown(page)).toBe('| a | b |\n| --- | --- |\n| c | done<br>two * three |\n');
});

test('13.A5 a shifted shortcut never falls through to the one without Shift', async () => {
  await start();
  await type('one');
  await page.keyboard.press('Control+Shift+z');
  await page.keyboard.press('Control+Shift+Z');
  expect(await markdown(page)).toBe('one\n');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+Shift+Z');
  expect(await visible()).toBe('one');
  await page.keyboard.press('Shift+Home');
  await settled(page);
  for (const key of ['i', 'I', 'e', 'E', 'u', 'y', 'a'])
    await page.keyboard.press(`Control+Shift+${key}`);
  expect(await markdown(page)).toBe('one\n');
  await page.keyboard.press('Control+Shift+s');
  expect(await markdown(page)).toBe('~~one~~\n');
});

test('13.A5 Quote declines in a table and Ctrl+Shift+B does not make bold', async () => {
  await start('| a | b |\n| --- | --- |\n| c | d |\n');
  await page.getByText('d', { exact: true }).dblclick();
  await settled(page);
  const before = await markdown(page);
  for (const key of ['b', '7', '8', '9']) await page.keyboard.press(`Control+Shift+${key}`);
  expect(await markdown(page)).toBe(before);
});

test('13.A10 the box of a task in a numbered or mixed list is ticked by a click', async () => {
  await start('1. [ ] first\n1. plain\n\ntext\n\n- plain\n- [x] done\n');
  const boxes = page.getByRole('checkbox', { name: 'Done' });
  expect(await boxes.count()).toBe(2);
  await boxes.first().click();
  await boxes.last().click();
  expect(await markdown(page)).toBe('1. [x] first\n1. plain\n\ntext\n\n- plain\n- [ ] done\n');
});

test('13.A10 Enter after a done task makes an open one, numbered as its list is', async () => {
  await start('1. a\n1. [x] b\n');
  await type('\nc');
  expect(await markdown(page)).toBe('1. a\n1. [x] b\n1. [ ] c\n');
});

test('13.A2 items pasted into an empty item begin in it', async () => {
  await start('- one\n');
  await type('\n');
  await paste({ 'text/plain': '- a\n- b' });
  expect(await markdown(page)).toBe('- one\n- a\n- b\n');
});
