import { AxeBuilder } from '@axe-core/playwright';
import { Server } from '@hocuspocus/server';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { sample } from '../dev/sample.ts';
import { markdown, Stage, settled } from './browser.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

const text = (page: Page) => page.getByRole('textbox', { name: 'Document' });

/** Puts the caret at the end of the line that is clicked. */
async function caretAt(place: Locator): Promise<void> {
  await place.click();
  await settled(place.page());
  await place.page().keyboard.press('End');
  await settled(place.page());
}

test('a document opens and saves without a change, and a typed word is one changed line', async () => {
  const page = await stage.page();
  expect(await markdown(page)).toBe(sample);
  await caretAt(page.getByText('surprises nobody'));
  await page.keyboard.type(' Really.');
  expect(await markdown(page)).toBe(sample.replace('good release.', 'good release. Really.'));
  await page.keyboard.press('Control+z');
  expect(await markdown(page)).toBe(sample);
});

test('the slash menu is found, filtered and used by keyboard alone', async () => {
  const page = await stage.page({ text: 'start\n' });
  await caretAt(text(page));
  await page.keyboard.press('Enter');
  await page.keyboard.type('/tab');
  await page.getByRole('option', { name: 'Table' }).waitFor();
  expect(await text(page).getAttribute('aria-activedescendant')).toBe('elim-slash-0');
  await page.keyboard.press('Enter');
  await page.keyboard.type('a');
  await page.keyboard.press('Enter');
  await page.keyboard.type('b');
  expect(await markdown(page)).toBe(
    'start\n\n| a |  |  |\n| --- | --- | --- |\n| b |  |  |\n|  |  |  |\n',
  );
  expect(await page.getByRole('listbox').count()).toBe(0);
});

test('toolbar and shortcuts share one table of commands', async () => {
  const page = await stage.page({ text: 'some words\n' });
  await caretAt(text(page));
  await page.keyboard.press('Control+a');
  await settled(page);
  await page.keyboard.press('Control+b');
  const bold = page
    .getByRole('toolbar', { name: 'Formatting' })
    .getByRole('button', { name: 'Bold' });
  await expect.poll(() => bold.getAttribute('aria-pressed')).toBe('true');
  expect(await markdown(page)).toBe('**some words**\n');
  await bold.click();
  // The focus is back in the text with the next frame; before, the keys would be the button's.
  await settled(page);
  await page.keyboard.press('Control+Alt+2');
  expect(await markdown(page)).toBe('## some words\n');
});

test('the toolbar is one stop of the Tab key, with arrows inside', async () => {
  const page = await stage.page({ text: 'x\n' });
  const bar = page.getByRole('toolbar', { name: 'Formatting' });
  expect(await bar.locator('[tabindex="0"]').count()).toBe(1);
  await bar.getByRole('button', { name: 'Text', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
    'Heading 1',
  );
  await page.keyboard.press('Escape');
  await settled(page);
  expect(await text(page).evaluate((node) => node === document.activeElement)).toBe(true);
});

test('cells run from the keyboard and from the gutter, and know their places', async () => {
  const page = await stage.page();
  await caretAt(page.getByText('npm run build'));
  await page.keyboard.press('Control+Enter');
  await page.getByRole('button', { name: 'Run cell 1' }).click();
  expect(await page.evaluate(() => [...(window as unknown as { ran(): number[] }).ran()])).toEqual([
    0, 1,
  ]);
  expect(await page.locator('.elim-cell-outputs').nth(1).textContent()).toBe('ran 1');
  await page.evaluate(() => {
    const { editor } = window as unknown as {
      editor(): { commands: { insertContentAt(at: number, node: object): void } };
    };
    editor().commands.insertContentAt(0, { type: 'codeBlock' });
  });
  await page.getByRole('button', { name: 'Run cell 2' }).waitFor();
});

test('code is coloured once its language has loaded, and again after typing', async () => {
  const page = await stage.page();
  await page.locator('.hljs-keyword', { hasText: 'export' }).waitFor();
  await caretAt(page.getByText('twice'));
  await page.keyboard.press('Enter');
  await page.keyboard.type('const more = 1');
  await page.locator('.hljs-keyword', { hasText: 'const' }).nth(1).waitFor();
});

test('pasted Markdown becomes a document, pasted HTML only what the model knows', async () => {
  const page = await stage.page({ text: '' });
  await caretAt(text(page));
  const paste = (type: string, data: string) =>
    text(page).evaluate(
      (node, [kind, value]) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData(kind!, value!);
        node.dispatchEvent(
          new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
        );
      },
      [type, data],
    );
  await paste('text/plain', '# Title\n\n- [x] done\n');
  expect(await markdown(page)).toBe('# Title\n\n- [x] done\n');
  await page.keyboard.press('Control+a');
  await settled(page);
  await page.keyboard.press('Delete');
  await paste(
    'text/html',
    '<p>hi <b>there</b><script>window.pwned=1</script><img src=x onerror="window.pwned=1"></p><a href="javascript:window.pwned=1">go</a>',
  );
  expect(await markdown(page)).toContain('hi **there**');
  expect(await markdown(page)).not.toContain('javascript:');
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
});

test('raw Markdown is shown as its source, edited as such and never run', async () => {
  const page = await stage.page({ text: '<img src=x onerror="window.pwned=1">\n\n<b>x</b> y\n' });
  const raw = page.getByRole('textbox', { name: 'HTML source' });
  expect(await raw.inputValue()).toBe('<img src=x onerror="window.pwned=1">');
  await raw.fill('<hr class="thick">');
  expect(await markdown(page)).toBe('<hr class="thick">\n\n<b>x</b> y\n');
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
});

test('a reader changes nothing', async () => {
  const page = await stage.page({ readonly: '' });
  await caretAt(text(page));
  await page.keyboard.type('nope');
  await page.keyboard.press('Control+a');
  for (const key of ['Control+Shift+s', 'Control+Shift+8', 'Alt+Shift+ArrowUp'])
    await page.keyboard.press(key);
  await page.getByRole('checkbox').last().click();
  await page.locator('.elim-raw textarea').first().focus();
  await page.keyboard.type('nope');
  expect(await markdown(page)).toBe(sample);
});

test('a link shows its address, which Enter changes; a new link asks for one', async () => {
  const page = await stage.page();
  await page.getByRole('link', { name: 'the checklist' }).click();
  const address = page.getByRole('textbox', { name: 'Address' });
  await address.waitFor();
  expect(await text(page).evaluate((node) => node === document.activeElement)).toBe(true);
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await address.fill('list.md');
  await address.press('Enter');
  expect(await markdown(page)).toBe(sample.replace('https://example.org/checklist', 'list.md'));
  await caretAt(page.getByRole('heading', { name: 'Before you start' }));
  await page
    .getByRole('toolbar', { name: 'Formatting' })
    .getByRole('button', { name: 'Link' })
    .click();
  await expect.poll(() => address.evaluate((node) => node === document.activeElement)).toBe(true);
});

test('two people write in one document, see each other, and undo only their own', async () => {
  const server = new Server({ port: 0, address: '127.0.0.1', quiet: true });
  await server.listen();
  try {
    const live = server.webSocketURL;
    const [ada, bob] = [
      await stage.page({ live, name: 'Ada' }),
      await stage.page({ live, name: 'Bob' }),
    ];
    await caretAt(text(ada));
    await ada.keyboard.type('from ada ');
    await bob.getByText('from ada').waitFor();
    expect(await bob.locator('.elim-caret-name').textContent()).toBe('Ada');
    await caretAt(text(bob));
    await bob.keyboard.press('End');
    await bob.keyboard.type('and bob');
    await ada.getByText('from ada and bob').waitFor();
    await bob.keyboard.press('Control+z');
    await expect.poll(() => markdown(ada)).not.toContain('bob');
    expect(await text(bob).textContent()).toContain('from ada');
  } finally {
    await server.destroy();
  }
});

test.each(['light', 'dark'])('nothing that axe finds, %s', async (mode) => {
  const page = await stage.page({ [mode]: '' });
  await page.locator('.hljs-keyword').first().waitFor();
  const { violations } = await new AxeBuilder({ page })
    .include('#app')
    .disableRules(['page-has-heading-one', 'region'])
    .analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
});
