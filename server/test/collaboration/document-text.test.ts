import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as Y from 'yjs';
import { seed, textOf } from '../../src/collaboration/document-text.ts';

const modules = join(import.meta.dirname, '../../../node_modules');

/** A text as it comes back from a live document that nobody edited. */
function visited(text: string): string {
  const document = new Y.Doc();
  seed(document, 'a.md', text);
  const after = textOf(document, 'a.md', text);
  document.destroy();
  return after;
}

test('every real Markdown file comes back from Yjs byte for byte', {
  timeout: 120_000,
}, async () => {
  const names = (await readdir(modules, { recursive: true })).filter((name) =>
    name.endsWith('.md'),
  );
  let seen = 0;
  const changed: string[] = [];
  for (const name of names) {
    const text = await readFile(join(modules, name), 'utf8').catch(() => undefined);
    if (text === undefined || text.length > 60_000) continue;
    seen += 1;
    if (visited(text) !== text) changed.push(name);
  }
  expect(seen).toBeGreaterThan(500);
  expect(changed).toEqual([]);
});

test.each([
  '[![badge](b.svg)](https://example.com) and text\n',
  '**bold\\\nacross a break**\n',
  '[<img src="a.png">](https://example.com)\n',
  '*a ![image](i.png "t") in emphasis*\n',
])('an edit beside it keeps %j', (text) => {
  const document = new Y.Doc();
  seed(document, 'a.md', `${text}\nlast\n`);
  const fragment = document.getXmlFragment('default');
  ((fragment.get(1) as Y.XmlElement).get(0) as Y.XmlText).insert(4, ' word');
  expect(textOf(document, 'a.md', `${text}\nlast\n`)).toBe(`${text}\nlast word\n`);
});

test('an edit in the same paragraph keeps the link of an image', () => {
  const text = '[![badge](b.svg)](https://example.com) and text\n';
  const document = new Y.Doc();
  seed(document, 'a.md', text);
  const paragraph = document.getXmlFragment('default').get(0) as Y.XmlElement;
  const words = paragraph.get(paragraph.length - 1) as Y.XmlText;
  words.insert(words.length, ' more');
  expect(textOf(document, 'a.md', text)).toBe(
    '[![badge](b.svg)](https://example.com) and text more\n',
  );
});
