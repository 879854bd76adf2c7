import { describe, expect, test } from 'vitest';
import {
  type Cell,
  cells,
  frontMatter,
  type Node,
  normalize,
  parse,
  serialize,
} from '../src/index.ts';

const fill = (unit: string, size: number): string =>
  unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
const numbered = (line: (at: number) => string, size: number): string => {
  let text = '';
  for (let at = 0; text.length < size; at++) text += line(at);
  return text;
};

/** Every construct that the parser knows, and how it is made to be looked for in vain. */
const repeated: Record<string, string> = {
  'directives that nothing closes': ':::a\n',
  'directives in a paragraph': ':::a\nb\n',
  'directives that are closed': ':::a\nb\n:::\n',
  'directives in a quote': '> :::a\n',
  'directives in a list': '- :::a\n',
  'mathematics that nothing closes': '$$a\n',
  'mathematics in a quote': '> $$a\n',
  'mathematics in a line': ' $$a',
  'open dollar signs': '$a ',
  'many spaces': 'a  b  ',
  'hard breaks': 'a\\\n',
  'breaks of two spaces': 'a  \n',
  'heads of tables': '|a|\n|-|\n',
  'lines with pipes': 'a|b\n',
  'lines of pipes and dashes': '-|-\n',
  pipes: '|',
  'definitions without an address': '[a]:\n',
  'titles that are not closed': '[a]: /x "t\n',
  'labels that are not closed': '[a\n',
  'quotes in quotes': '>',
  'lines of quotes': '> a\n',
  'lists in lists': '- ',
  'items of a list': '- a\n',
  'loose items': '- a\n\n',
  'tasks of a list': '- [ ] a\n',
  'numbered lists in each other': '1. ',
  'open brackets': '[',
  'open links': '[a](',
  'open images': '![',
  'pairs of brackets': '[]',
  links: '[a](b) ',
  images: '![a](b) ',
  'open addresses': '[a](<b',
  'open titles': '[a](b "',
  'open footnotes': '[^a',
  'footnote references': '[^a] ',
  'footnotes and their blank lines': '[^a]: b\n\n\n',
  'footnotes in footnotes': '[^a]: [^a]\n    [^a]\n',
  stars: '*',
  'open emphasis': '*a ',
  'emphasis and bold': '*a **a ',
  'stars in words': 'a**b',
  underscores: 'a_b __c ',
  'open strikes': '~~a ',
  backticks: '`',
  'open code': '`a``b```c',
  'fences that open': '```\n',
  'cells of one name': '```js {name=a}\nx\n```\n',
  'indented code': '    a\n\n',
  'open tags': '<a ',
  'open comments': 'x <!--',
  'open declarations': 'x <!A <?b <![CDATA[',
  'open attributes': 'x <a href="',
  'blocks of HTML': '<div>\n\n',
  'comments that nothing closes': '<!-- x\n\n',
  entities: '&amp;&#x41;&NotNestedGreaterGreater;',
  ampersands: '&a',
  autolinks: '<http://a> ',
  'open autolinks': '<http://a',
  'open addresses of mail': '<a@b.',
  headings: '# a #\n',
  'underlined headings': 'a\n=\n',
  rules: '* * *\n',
  paragraphs: 'a\n\n',
  'lines of a paragraph': 'a\n',
  backslashes: '\\',
  NULs: '\0',
  'marks of byte order': '\ufeff',
  'carriage returns': 'a\r\n\r',
  'blank lines': ' \n',
  'half letters': '\ud800',
};
const shaped: Record<string, (size: number) => string> = {
  'one run of spaces': (n) => `a${fill(' ', n)}b`,
  'one run of tabs': (n) => `a${fill('\t', n)}b`,
  'one run of no-break spaces': (n) => `a${fill(' \u00a0', n)}b`,
  'spaces in bold': (n) => `**a${fill(' ', n)}b**`,
  'spaces in a link': (n) => `[a](${fill(' ', n)}b`,
  'spaces at the end': (n) => `a${fill(' ', n)}`,
  'spaces in a heading': (n) => `# ${fill(' ', n)}a`,
  'breaks in bold': (n) => `**a${fill('<br> ', n)}b**`,
  'rows of a table': (n) => `|a|\n|-|\n${fill('|b|\n', n)}`,
  'columns of a table': (n) => ['|a', '|-', '|b'].map((cell) => fill(cell, n / 3)).join('\n'),
  'short rows of a wide table': (n) =>
    `${fill('|a', n / 16)}|\n${fill('|-', n / 16)}|\n${fill('|b\n', n / 2)}`,
  'a long address': (n) => `[a]: /${fill('x', n)}\n`,
  'a long title': (n) => `[a]: /x "${fill('t\n', n)}"\n`,
  'a long definition that is used often': (n) =>
    `[a]: /${fill('x', n / 2)} "t"\n\n${fill('[a] ![a] ', n / 2)}`,
  'many definitions': (n) => numbered((at) => `[a${at}]: /x\n`, n),
  'definitions apart': (n) => numbered((at) => `[a${at}]: /x\n\n`, n),
  'quotes deeper and deeper': (n) => numbered((at) => `${'>'.repeat(at % 200)}a\n`, n),
  'lazy lines of a quote': (n) => `> a\n${fill('b\n', n)}`,
  'brackets in brackets': (n) => fill('[', n / 2) + fill(']', n / 2),
  'links in links': (n) => `${fill('[', n / 4)}a${fill('](b)', (3 * n) / 4)}`,
  'images in images': (n) => `${fill('![', n / 3)}a${fill('](b)', (2 * n) / 3)}`,
  'emphasis in emphasis': (n) => `${fill('*', n / 2)}a${fill('*', n / 2)}`,
  'emphasis and bold in each other': (n) => fill('*a **b ', n / 2) + fill('c** d*', n / 2),
  'runs of backticks': (n) => numbered((at) => `a${'`'.repeat(at + 1)}`, n),
  'fences longer and longer': (n) => numbered((at) => `${'`'.repeat(3 + at)}\n`, n),
  'directives longer and longer': (n) => numbered((at) => `${':'.repeat(3 + (at % 50))}a\n`, n),
  'attributes of a cell': (n) => `\`\`\`js {${fill(' a=b', n)}}\nx\n\`\`\`\n`,
  'a code of fences': (n) => `~~~\n${fill('```\n', n)}~~~\n`,
  'a footnote of paragraphs': (n) => `[^a]: b\n${fill('    c\n\n', n)}`,
  'front matter that nothing closes': (n) => `---\n${fill('a: b\n', n)}`,
  'front matter': (n) => `---\n${numbered((at) => `k${at}: v\n`, n)}---\n`,
};
const texts: [string, (size: number) => string][] = [
  ...Object.entries(repeated).map(([name, unit]): [string, (size: number) => string] => [
    name,
    (size) => fill(unit, size),
  ]),
  ...Object.entries(shaped),
];

/** A text and what was made of it before the clock runs. */
type Given = { text: string; doc: Node; edited: Node };
const works: Record<string, (given: Given) => string | Node | Cell[] | unknown> = {
  parse: ({ text }) => parse(text),
  normalize: ({ doc }) => normalize(doc),
  'serialize what nobody edited': ({ text, doc }) => serialize(doc, text),
  'serialize an edit': ({ text, edited }) => serialize(edited, text),
  cells: ({ text }) => cells(text),
  'front matter': ({ text }) => frontMatter(text),
};

function given(text: string): Given {
  const { doc } = parse(text);
  const edited = structuredClone(doc);
  edited.content!.push({ type: 'paragraph', content: [{ type: 'text', text: 'more *x*' }] });
  return { text, doc, edited };
}

/** The least processor time of some runs, in milliseconds: what else the machine does is not in it. */
function least(work: () => unknown, runs: number): number {
  const times = Array.from({ length: runs }, () => {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  });
  return Math.min(...times);
}

const start = 2_048;

describe('A4 growth: n, 2n and 4n of every construct', () => {
  test.each(texts)('%s', { timeout: 60_000 }, (_, make) => {
    const [once, twice, more] = [1, 2, 4].map((times) => {
      const text = given(make(start * times));
      return Object.values(works).map((work) => least(() => work(text), 3));
    }) as [number[], number[], number[]];
    // Of the square it would be 4 and 16 times. What takes no time to speak of has not begun to grow.
    const isSteep = (at: number) => Math.max(twice[at]!, more[at]!) / Math.max(once[at]!, 4) > 12;
    expect(Object.keys(works).filter((_name, at) => isSteep(at))).toEqual([]);
  });
});

test('A4 what a text expands to is bounded: what goes over stays raw, and no byte changes', () => {
  const text = `[a]: /${'x'.repeat(32_768)}\n\n${'[a] '.repeat(8_192)}\n`;
  const { doc } = parse(text);
  expect(JSON.stringify(doc).length).toBeLessThan(2 * text.length);
  expect(doc.content!.map((node) => node.type)).toEqual(['rawBlock', 'rawBlock']);
  expect(serialize(doc, text)).toBe(text);
  const few = parse(`[a]: /${'x'.repeat(32_768)}\n\n[a] [a]\n`).doc;
  expect(few.content![1]!.type).toBe('paragraph');
});

test('A4 rows that are filled to the width of their table are bounded too', () => {
  const text = `|${'a|'.repeat(1_000)}\n|${'-|'.repeat(1_000)}\n${'|b\n'.repeat(1_000)}`;
  const { doc } = parse(text);
  expect(JSON.stringify(doc).length).toBeLessThan(2 * text.length);
  expect(serialize(doc, text)).toBe(text);
});
