import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressOf, must, temporary } from '../server/test/git/repository.ts';
import { Person, type RecordObject } from '../server/test/support/api.ts';
import { launchBrowser } from './browser.ts';
import { newPerson, openText, password, register } from './person.ts';
import { type Server, startServer } from './server.ts';

declare global {
  interface Window {
    /** Set by every payload of the corpus that gets to run. */
    pwned?: string;
    /** Scripts that only the policy of content has stopped: they were in the page already. */
    stopped?: string[];
  }
}

let server: Server;
let browser: Browser;
let page: Page;
let ann: Person;
/** What reached another origin. */
const calls: string[] = [];
const elsewhere = createServer((request, response) => {
  calls.push(request.url!);
  response.end();
});
/** What went wrong in the browser, by the place where it did. */
const wrong: string[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  page = await newPerson(browser, server.url);
  await register(page, 'Ann', 'ann@example.org');
  const person = new Person(server.url);
  const { body } = await person.post('/users/sign-in', 'users', {
    email: 'ann@example.org',
    password,
  });
  ann = new Person(server.url, body.meta.accessToken as string, { id: body.data.id });
  page.on('dialog', async (dialog) => {
    wrong.push(`dialog ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.context().on('page', (other) => wrong.push(`window ${other.url()}`));
  await page.addInitScript(() => {
    window.stopped = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      if (event.effectiveDirective.startsWith('script-src')) window.stopped!.push(event.sample);
    });
  });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  elsewhere.close();
});

const pixel = 'R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

/** Without a slash, so that they can be the name of a file too. */
const names = [
  '<img src=x onerror="window.pwned=1">',
  '<svg onload=window.pwned=1>',
  '"><script>window.pwned=1<script>',
  "' onmouseover='window.pwned=1' autofocus onfocus='window.pwned=1",
  'javascript:window.pwned=1',
  '{{constructor.constructor("window.pwned=1")()}}',
  '<iframe srcdoc="<script>parent.pwned=1<&#47;script>">',
  '<style>body{--pwned:1;display:none}<style>',
];
const corpus = (origin: string) => [
  ...names,
  '<script>window.pwned=1</script>',
  `<script src="${origin}/script.js"></script>`,
  '<a href="javascript:window.pwned=1">link</a>',
  '[link](javascript:window.pwned=1)',
  '[link](JaVaScRiPt&colon;window.pwned=1)',
  '[link](data:text/html,<script>opener.pwned=1</script>)',
  '[link](<vbscript:msgbox(1)>)',
  '<javascript:window.pwned=1>',
  '![picture](javascript:window.pwned=1)',
  `![picture](${origin}/picture.png)`,
  '![picture](x "onerror=window.pwned=1")',
  '[ref]\n\n[ref]: javascript:window.pwned=1 "title"',
  `<link rel=stylesheet href="${origin}/style.css"><style>@import "${origin}/import.css"; body{--pwned:1}</style>`,
  `<meta http-equiv=refresh content="0;url=${origin}/refresh"><base href="${origin}/">`,
  `<form action="${origin}/form"><button autofocus onfocus="this.click()">x</button></form>`,
  `<object data="${origin}/object"></object><embed src="${origin}/embed"><video src="${origin}/video" autoplay>`,
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.pwned=1&gt;">',
  '```mermaid\ngraph LR\n  A["<img src=x onerror=window.pwned=1>"] --> B\n  click A href "javascript:window.pwned=1"\n```',
  '$$\\href{javascript:window.pwned=1}{x} \\htmlData{onclick=window.pwned=1}{x}$$',
  '```html\n<script>window.pwned=1</script>\n```',
  `<div style="position:fixed;inset:0;background:url(${origin}/background)">over everything</div>`,
];

/** Goes to a place, waits until something of it is there, and looks whether anything of the corpus ran. */
async function look(path: string, seen: (page: Page) => Promise<unknown>): Promise<void> {
  await page.goto(path);
  await seen(page);
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.animate-pulse')].every((it) => !it.checkVisibility()),
  );
  // A picture that fails after all others that did: their handlers have had their turn.
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const last = new Image();
        last.onerror = resolve;
        last.src = '/no-picture';
      }),
  );
  const found = await page.evaluate(() => ({
    ran: window.pwned,
    stopped: window.stopped,
    style: getComputedStyle(document.body).getPropertyValue('--pwned'),
    shown: getComputedStyle(document.body).display !== 'none',
    links: [...document.querySelectorAll('a[href], form[action], [src], [data]')]
      .flatMap((it) => ['href', 'action', 'src', 'data'].map((name) => it.getAttribute(name) ?? ''))
      .filter((address) => /^\s*(javascript|vbscript|data:text)/i.test(address)),
    base: document.baseURI.startsWith(location.origin),
  }));
  const fine = { ran: undefined, stopped: [], style: '', shown: true, links: [], base: true };
  expect([path, found, wrong, calls]).toEqual([path, fine, [], []]);
  expect(new URL(page.url()).origin).toBe(server.url);
}

test('A4.38 A4.39 what people write and name is nowhere more than text', {
  timeout: 180_000,
}, async () => {
  const { port } = elsewhere.address() as AddressInfo;
  const payloads = corpus(`http://127.0.0.1:${port}`);
  await ann.patch(`/users/${ann.id}`, { type: 'users', id: ann.id }, { name: names[0] });
  for (const name of names) await ann.post('/api-keys', 'api-keys', { name, scopes: ['read'] });
  const workspace = await ann.workspace(names[0]!);
  for (const name of names) await ann.workspace(name);
  const text = `# ${names[0]}\n\n${payloads.join('\n\n')}\n`;
  const document = await ann.file(workspace, 'payloads.md', text);
  for (const name of names) await ann.file(workspace, `${name}.md`, `# ${name}\n`);
  const raw = await ann.file(workspace, 'payloads.html', `${payloads.join('\n')}\n`);
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>`;
  const svg = await ann.file(workspace, 'picture.svg', picture);
  const gone = await ann.file(workspace, `gone ${names[0]}.md`, 'gone\n');
  await ann.delete(`/files/${gone.id}`);
  const place = await temporary();
  try {
    await must(place.folder, 'clone', '-q', await addressOf(ann, workspace), 'work');
    const work = join(place.folder, 'work');
    for (const [at, name] of names.entries()) {
      const change = ['-c', `user.name=${name.replaceAll(/[<>\n]/g, '‹')}`, 'commit', '-q'];
      await must(work, ...change, '--allow-empty', '-m', name, '-m', payloads.join('\n\n'));
      await must(work, 'push', '-q', 'origin', `HEAD:${branchName(name)}-${at}`);
    }
    await must(work, 'mv', 'payloads.md', `${names[1]}moved.md`);
    await must(work, 'commit', '-q', '-m', names[2]!);
    await must(work, 'push', '-q', 'origin', 'HEAD:moved');
    await must(work, 'push', '-q', 'origin', 'HEAD~1:main');
  } finally {
    await place.remove();
  }
  const changed = { content: `${text}\n${names[1]}\n`, message: names[1] };
  await ann.patch(`/files/${document.id}`, { type: 'files', id: document.id }, changed);

  await look('/', (it) => it.getByRole('heading', { name: 'Recently changed' }).waitFor());
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByText(names[0]!).first().waitFor();
  await look('/workspaces', (it) => it.getByText(names[1]!).first().waitFor());
  const here = `/workspaces/${workspace.id}`;
  await look(here, (it) => it.getByRole('grid').getByText(`${names[0]}.md`).waitFor());
  for (const file of [document, raw, svg]) {
    await look(`/files/${file.id}`, async (it) =>
      file === svg ? it.getByText('picture.svg').first().waitFor() : openText(it),
    );
    await look(`/files/${file.id}/history`, (it) => it.getByRole('heading').first().waitFor());
  }
  await look(`/files/${document.id}/history`, (it) =>
    it.getByRole('table', { name: /^Changes from/u }).waitFor(),
  );
  await page.getByRole('radio', { name: 'Lines and authors' }).click();
  await page.getByRole('list', { name: 'Lines of version' }).waitFor();
  await look(`${here}/branches`, (it) => it.getByText('moved').first().waitFor());
  const branches = (await ann.get<RecordObject[]>(`${here}/branches`)).body.data;
  expect(branches.length).toBeGreaterThan(5);
  for (const { id, attributes } of branches)
    await look(`${here}/branches/${id}`, async (it) => {
      await it.getByRole('heading').first().waitFor();
      if (attributes.name !== 'moved') return;
      await it.getByText(`${names[1]}moved.md`, { exact: true }).click();
      await it.getByRole('table').waitFor();
    });
  await look('/trash', (it) => it.getByText(`gone ${names[0]}.md`).first().waitFor());
  for (const section of ['', '/api-keys', '/storage', '/members'])
    await look(`/settings${section}`, (it) => it.getByRole('heading').first().waitFor());
  await look('/notifications', (it) => it.getByRole('heading').first().waitFor());
});

test('B6 an image from elsewhere is asked for by a click, and its host learns no address', async () => {
  const asked: (string | undefined)[] = [];
  await page.route('https://elsewhere.example/**', async (route) => {
    asked.push(route.request().headers().referer);
    const body = Buffer.from(pixel, 'base64');
    await route.fulfill({ contentType: 'image/gif', body });
  });
  const workspace = await ann.workspace('Pictures');
  const text = '![Tracker](https://elsewhere.example/a.gif)\n\n![](//elsewhere.example/b.gif)\n';
  const file = await ann.file(workspace, 'pictures.md', text);
  await look(`/files/${file.id}`, openText);
  expect(asked).toEqual([]);
  await page.getByRole('button', { name: 'Tracker · Show image from elsewhere.example' }).click();
  await page.getByRole('img', { name: 'Tracker' }).waitFor();
  await expect.poll(() => asked).toEqual([undefined]);
  expect((await ann.fetch(`/files/${file.id}/content`)).status).toBe(200);
  expect(await (await ann.fetch(`/files/${file.id}/content`)).text()).toBe(text);
});

test('A4.41 A4.42 a notebook runs when it is told to, and what it says is text', async () => {
  const { port } = elsewhere.address() as AddressInfo;
  const payloads = corpus(`http://127.0.0.1:${port}`);
  const workspace = await ann.workspace('Cells');
  const source = `class Page:\n    def _repr_html_(self): return ${JSON.stringify(payloads.join('\n'))}\nprint(Page()._repr_html_())\nPage()`;
  const text = `\`\`\`python {name=said}\n${source}\n\`\`\`\n`;
  const file = await ann.file(workspace, 'cells.md', text);
  await look(`/files/${file.id}`, openText);
  expect((await ann.get<RecordObject[]>('/task-runs')).body.data).toEqual([]);
  await page.getByRole('button', { name: 'Run all cells' }).click();
  await page.locator('.elim-cell-gutter [aria-label=Done]').waitFor({ timeout: 60_000 });
  await look(`/files/${file.id}`, (it) => it.getByText(names[0]!).last().waitFor());
});

/** What git allows of a name. */
function branchName(name: string): string {
  return name.replaceAll(/[ ~^:?*[\\\]{}]|\.\./g, '_');
}
