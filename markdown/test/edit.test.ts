import { expect, test, vi } from 'vitest';
import { normalize, parse, serialize } from '../src/index.ts';
import { corpus, editWord, hunk, random } from './corpus.ts';

// Thousands of parses on a shared machine.
vi.setConfig({ testTimeout: 120_000 });

test('a word changed in a real file is one changed line and reads back as edited', () => {
  const next = random(7);
  const places = new Set<string>();
  const wrong: string[] = [];
  let edits = 0;
  for (const { path, text } of corpus) {
    const { doc } = parse(text);
    const edit = editWord(doc, next, 'Zebra');
    if (!edit) continue;
    edits++;
    for (const place of edit.path) places.add(place);
    const saved = serialize(doc, text);
    const { removed, added } = hunk(text, saved);
    const exact = JSON.stringify(parse(saved).doc) === JSON.stringify(normalize(doc));
    if (removed !== 1 || added !== 1 || !exact)
      wrong.push(`${path} ${edit.path.join('>')} ${edit.from} ${removed}/${added} ${exact}`);
  }
  expect(wrong).toEqual([]);
  expect(edits).toBeGreaterThan(500);
  expect([...places]).toEqual(
    expect.arrayContaining([
      'paragraph',
      'heading',
      'listItem',
      'tableCell',
      'blockquote',
      'codeBlock',
    ]),
  );
});

const cases: [string, string, string, string][] = [
  ['bold by underscores', 'a __bold word__ *b*\n', 'word', 'a __bold zebra__ *b*\n'],
  ['wrapped lines', 'one two\nthree four\nfive\n', 'three', 'one two\nzebra four\nfive\n'],
  [
    'a setext heading',
    'Title here\n==========\n\ntext\n',
    'here',
    'Title zebra\n==========\n\ntext\n',
  ],
  [
    'an aligned table',
    '| a   | b |\n|:----|--:|\n| one |   |\n',
    'one',
    '| a   | b |\n|:----|--:|\n| zebra |   |\n',
  ],
  ['a loose list', '*   one\n\n*   two\n    more\n', 'more', '*   one\n\n*   two\n    zebra\n'],
  ['a lazy quote', '> one\ntwo\n\nend\n', 'two', '> one\nzebra\n\nend\n'],
  [
    'a reference link',
    'see [the docs][d] & more\n\n[d]: /x\n',
    'more',
    'see [the docs][d] & zebra\n\n[d]: /x\n',
  ],
  ['an alert', '> [!NOTE]\n> Take care\n', 'care', '> [!NOTE]\n> Take zebra\n'],
  ['indented code', 'a\n\n    code here\n    more\n', 'here', 'a\n\n    code zebra\n    more\n'],
  ['an open fence', 'a\n\n```sh\ncode here', 'here', 'a\n\n```sh\ncode zebra'],
];

test.each(cases)('%s keeps its way of writing', (_, base, word, saved) => {
  const { doc } = parse(base);
  const edited = JSON.parse(JSON.stringify(doc).replace(word, 'zebra')) as typeof doc;
  expect(serialize(edited, base)).toBe(saved);
});

test('an item added, moved and removed leaves the others alone', () => {
  const base = '3)  one\n3)  *two*\n3)  _three_\n';
  const { doc } = parse(base);
  const items = doc.content![0]!.content!;
  const added = {
    type: 'listItem' as const,
    content: [{ type: 'paragraph' as const, content: [{ type: 'text' as const, text: 'new' }] }],
  };
  items.splice(1, 1, added);
  expect(serialize(doc, base)).toBe('3)  one\n3)  new\n3)  _three_\n');
  items.splice(1, 1);
  expect(serialize(doc, base)).toBe('3)  one\n3)  _three_\n');
});

test('a checkbox ticked is one character', () => {
  const base = '* [ ] one\n* [X] two\n';
  const { doc } = parse(base);
  doc.content![0]!.content![0]!.attrs!.checked = true;
  expect(serialize(doc, base)).toBe('* [x] one\n* [X] two\n');
});

test('a block added after an open fence or comment stays outside of it', () => {
  for (const base of ['```\ncode', '<!-- note']) {
    const { doc } = parse(base);
    doc.content!.push({ type: 'paragraph', content: [{ type: 'text', text: 'after' }] });
    expect(parse(serialize(doc, base)).doc).toEqual(normalize(doc));
  }
});

test('a link to a script is saved as plain text', () => {
  const marks = [{ type: 'link' as const, attrs: { href: 'javascript:alert(1)', title: null } }];
  const text = { type: 'text' as const, text: 'click', marks };
  expect(serialize({ type: 'doc', content: [{ type: 'paragraph', content: [text] }] })).toBe(
    'click\n',
  );
});

test('a list that comes before an indented raw block does not take it in', () => {
  const base = 'Text\n\n  [a]: https://example.com/a\n  [b]: https://example.com/b\n';
  const { doc } = parse(base);
  for (const source of ['- one\n- two\n', '1. one\n2. two\n', '- one\n  - inner\n']) {
    const content = [doc.content![0]!, parse(source).doc.content![0]!, ...doc.content!.slice(1)];
    const text = serialize({ type: 'doc', content }, base);
    expect(parse(text).doc).toEqual(normalize({ type: 'doc', content }));
    expect(text.endsWith(base.slice(base.indexOf('  [a]')))).toBe(true);
  }
});
