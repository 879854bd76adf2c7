import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Person } from '../server/test/support/api.ts';
import { launchBrowser } from './browser.ts';
import { goToEnd, newPerson, openText, register, signedInByApi } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
let page: Page;
let api: Person;
let workspace: { id: string };

const text = `[beside](Other%20page.md) [above](../Top.md) [root](/Top.md) [folder](inner/) [part](#the-second-part-1) [elsewhere](Other%20page.md#deep-down) [nothing](New.md) [script](javascript:alert(1))

# The second part

${'Words.\n\n'.repeat(60)}

# The second part

End.
`;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  page = await newPerson(browser, server.url);
  await register(page, 'Ada', 'ada@example.org');
  api = await signedInByApi(server.url, 'ada@example.org');
  workspace = await api.workspace('Links');
  await api.file(workspace as never, 'docs/Start.md', text);
  await api.file(
    workspace as never,
    'docs/Other page.md',
    `# Other\n\n${'Words.\n\n'.repeat(60)}## Deep down\n`,
  );
  await api.file(workspace as never, 'Top.md', '# Top\n');
  await api.file(workspace as never, 'docs/inner/a.md', '# Inner\n');
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const start = async () => {
  await page.goto(`/workspaces/${workspace.id}/at?path=docs%2FStart.md`);
  await page.getByRole('heading', { name: 'The second part' }).first().waitFor();
  await openText(page);
};
const link = (name: string) => page.getByRole('textbox').getByRole('link', { name });

test('13.B2 a click on a relative link opens the file in the app', async () => {
  for (const [name, heading] of [
    ['beside', 'Other'],
    ['above', 'Top'],
    ['root', 'Top'],
  ]) {
    await start();
    await page.evaluate(() => Object.assign(globalThis, { isSame: true }));
    await link(name!).click();
    await page.getByRole('heading', { name: heading!, exact: true }).waitFor();
    expect(await page.evaluate(() => 'isSame' in globalThis), name).toBe(true);
  }
});

test('13.B2 a link to a folder shows it, one to nothing offers to create it', async () => {
  await start();
  await link('folder').click();
  await page.getByRole('row', { name: 'a.md' }).waitFor();
  await start();
  await link('nothing').click();
  await page.getByRole('heading', { name: 'Nothing is at this address yet' }).waitFor();
  await page.getByRole('button', { name: 'Create the document' }).click();
  await openText(page);
  expect(await page.title()).toContain('New.md');
});

test('13.B2 anchors lead to headings, here and in other files', async () => {
  await start();
  await link('part').click();
  await expect
    .poll(() =>
      page
        .getByRole('heading', { name: 'The second part' })
        .last()
        .boundingBox()
        .then((box) => box!.y < 880),
    )
    .toBe(true);
  await start();
  await link('elsewhere').click();
  const deep = page.getByRole('heading', { name: 'Deep down' });
  await expect.poll(async () => ((await deep.boundingBox())?.y ?? 9_999) < 850).toBe(true);
});

test('13.B2 Ctrl-click and middle click open a new tab, which arrives', async () => {
  for (const options of [{ modifiers: ['Control' as const] }, { button: 'middle' as const }]) {
    await start();
    const [tab] = await Promise.all([
      page.context().waitForEvent('page'),
      link('beside').click(options),
    ]);
    await tab.getByRole('heading', { name: 'Other', exact: true }).waitFor();
    expect(await page.title()).toContain('Start.md');
    await tab.close();
  }
});

test('13.B2 the file keeps its own addresses, and a script is no link', async () => {
  await start();
  await goToEnd(page);
  await page.keyboard.type(' More.');
  await page.locator('[data-document=saved]').waitFor();
  const id = new URL(page.url()).pathname.split('/').at(-1)!;
  await api.post(`/files/${id}/versions`, 'file-versions', {});
  const bytes = await (await api.fetch(`/files/${id}/content`)).text();
  expect(bytes).toBe(text.replace('End.', 'End. More.'));
  expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
});

test('13.B2 Ctrl-click on any link of the app opens a new tab', async () => {
  await page.goto(`/workspaces/${workspace.id}`);
  const [tab] = await Promise.all([
    page.context().waitForEvent('page'),
    page
      .getByRole('grid')
      .getByRole('link', { name: 'Top.md' })
      .click({ modifiers: ['Control'] }),
  ]);
  await tab.getByRole('heading', { name: 'Top', exact: true }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/workspaces/${workspace.id}`);
});

test('a folder or file whose name is a number is found', async () => {
  await api.file(workspace as never, '007/1.0.md', '# Bond\n');
  await page.goto(`/workspaces/${workspace.id}?folder=007`);
  await page.getByRole('row', { name: '1.0.md' }).waitFor();
  await page.goto(`/workspaces/${workspace.id}/at?path=007`);
  await page.getByRole('row', { name: '1.0.md' }).waitFor();
});

test('13.B2 an address that no browser can read, and an odd anchor, leave the text to read', async () => {
  const odd = ['\\\\[', '/\\[', '//[', '/\\:99999999', '%zz.md', '#50%', 'a?b#%'];
  const lines = odd.map((address, at) => `[odd ${at}](<${address.replaceAll('\\', '\\\\')}>)\n`);
  const file = await api.file(workspace as never, 'docs/Odd.md', `${lines.join('\n')}\n# End\n`);
  await page.goto(`/files/${file.id}#50%`);
  await page.getByRole('heading', { name: 'End' }).waitFor();
  const text = await openText(page);
  for (const at of odd.keys())
    await link(`odd ${at}`)
      .or(text.getByText(`odd ${at}`))
      .first()
      .waitFor();
  await link('odd 5').click();
  await goToEnd(page);
  await page.keyboard.type(' and on');
  await page.getByRole('heading', { name: 'End and on' }).waitFor();
});
