import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../e2e/browser.ts';
import { goToEnd, home, newPerson, noticed, prove, saved } from '../e2e/person.ts';
import { startServer } from '../e2e/server.ts';
import { type Node, parse } from '../markdown/src/index.ts';
import { randomOf } from '../server/test/collaboration/random.ts';
import { type Person, type RecordObject, register } from '../server/test/support/api.ts';
import { type Step, scriptOf } from './typing/script.ts';

/** How many acts a document is written in. */
const length = 10;

/**
 * Somebody types, pastes, undoes and redoes at random in a browser, with every sign of Markdown. The
 * page must show what a plain model of typing says, and so must the file.
 * @throws AssertionError that says which text is not as it was typed
 */
export async function typing(options: {
  seed: number;
  runs: number;
  say: (line: string) => void;
}): Promise<void> {
  const server = await startServer({ LIMIT_REQUESTS: '1000000' });
  const browser = await launchBrowser();
  try {
    const person = await register(server.url, 'Ann');
    const workspace = await person.workspace('Typing');
    await person.file(workspace, 'first.md', 'First.\n');
    const page = await newPerson(browser, server.url);
    await page.goto('/sign-in');
    await prove(page, person.email, 'correct horse battery');
    await home(page);
    for (let run = 1; run <= options.runs; run++)
      options.say(await round(page, person, workspace, options.seed * 1_000 + run));
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function round(
  page: Page,
  person: Person,
  workspace: RecordObject,
  seed: number,
): Promise<string> {
  const script = scriptOf(randomOf(seed), length);
  const file = await person.file(workspace, `typed-${seed}.md`, '');
  await page.goto(`/files/${file.id}`);
  await goToEnd(page);
  for (const step of script.steps) await act(page, step);
  const story = `seed ${seed}: ${JSON.stringify(script.steps)}`;
  assert.deepEqual(await seen(page), script.lines, `the page, ${story}`);
  await saved(page);
  const made = await person.post(`/files/${file.id}/versions`, 'file-versions');
  assert.ok([200, 201].includes(made.status), `a version answers ${made.status}`);
  const text = await (await person.fetch(`/files/${file.id}/content`)).text();
  const read = linesOf(parse(text).doc).map((line) => line.trim());
  assert.deepEqual(
    read.filter(Boolean),
    script.lines,
    `the file ${JSON.stringify(text)}, ${story}`,
  );
  return `seed ${seed}: ${script.steps.length} acts, ${text.length} characters`;
}

async function act(page: Page, step: Step): Promise<void> {
  if (step.do === 'type') await page.keyboard.type(step.text);
  else if (step.do === 'paste') await paste(page, step.data, step.isPlain ?? false);
  else
    for (const key of step.keys) {
      await page.keyboard.press(key);
      // The editor learns of a caret that a key has moved with the next frame.
      if (/Arrow|End/.test(key)) await noticed(page);
    }
}

async function paste(page: Page, data: Record<string, string>, isPlain: boolean): Promise<void> {
  if (isPlain) await page.keyboard.down('Shift');
  await page.locator('.elim-text').evaluate((node, parts) => {
    const clipboardData = new DataTransfer();
    for (const [kind, value] of Object.entries(parts)) clipboardData.setData(kind, value);
    const event = { clipboardData, bubbles: true, cancelable: true };
    node.dispatchEvent(new ClipboardEvent('paste', event));
  }, data);
  if (isPlain) await page.keyboard.up('Shift');
}

/** The lines that a reader sees. */
async function seen(page: Page): Promise<string[]> {
  const lines = page.locator('.elim-text :is(p, h1, h2, h3, h4, h5, h6, pre > code)');
  const texts = await lines.evaluateAll((all) => all.map((line) => line.textContent ?? ''));
  return texts.map((line) => line.trim()).filter(Boolean);
}

function linesOf(node: Node): string[] {
  const { content = [] } = node;
  const isLine = ['paragraph', 'heading', 'codeBlock'].includes(node.type);
  return isLine ? [content.map(({ text }) => text ?? '').join('')] : content.flatMap(linesOf);
}
