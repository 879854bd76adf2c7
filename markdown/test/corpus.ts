import { globSync, readFileSync } from 'node:fs';
import type { Node } from '../src/index.ts';

const root = new URL('../../node_modules', import.meta.url).pathname;

/** Every Markdown file that the dependencies bring along: real text by hundreds of authors. */
export const corpus: { path: string; text: string }[] = globSync(`${root}/**/*.{md,MD,markdown}`)
  .filter((path) => !path.includes('/@kyozo/'))
  .sort()
  .map((path) => ({ path: path.slice(root.length + 1), text: readFileSync(path, 'utf8') }));

/** Numbers in [0, 1) that a seed repeats. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const parts = [
  ...[
    '\n',
    '\n',
    '\n\n',
    '\r\n',
    '\r',
    '\t',
    ' ',
    '  ',
    '    ',
    '- ',
    '* ',
    '+ ',
    '1. ',
    '2) ',
    '> ',
  ],
  ...['# ', '### ', '```', '~~~', '```js {name=a}\n', '---', '***', '___', '===', '|', 'a', 'word'],
  ...[
    '| a | b |\n| --- | :-: |\n',
    'foo bar',
    '*',
    '**',
    '_',
    '__',
    '~~',
    '`',
    '``',
    '[',
    '](x)',
    ']',
  ],
  ...['[a]', '[a]: /x "t"', '[^1]', '[^1]: note', '<div>', '</div>', '<br>', '<b>', '<!-- ', '-->'],
  ...[
    '&amp;',
    '&#32;',
    '&nbsp;',
    '\\',
    '\\\n',
    '  \n',
    '$x$',
    '$$',
    '$$\nx\n$$\n',
    ':::note\n',
    ':::\n',
  ],
  ...[
    '- [ ] ',
    '- [x] t\n',
    '!',
    '![i](u "t")',
    '<http://x.y>',
    'http://x.y/_a_',
    '\u00a0',
    '\u2028',
  ],
  ...[
    'é',
    '日本',
    '😀',
    '\ud800',
    '\0',
    '\ufeff',
    '---\na: b\n---\n',
    '+++\n',
    '{',
    '}',
    ':',
    '"',
    '=',
  ],
];

/** A string made of everything that means something in Markdown. */
export function nasty(next: () => number): string {
  const length = 1 + Math.floor(next() * 25);
  return Array.from({ length }, () => parts[Math.floor(next() * parts.length)]).join('');
}

export type Edit = { path: Node['type'][]; from: string };

/** Replaces one word of the document, in place, and says where; undefined if it has none. */
export function editWord(doc: Node, next: () => number, word: string): Edit | undefined {
  const found: { node: Node; path: Node['type'][] }[] = [];
  const visit = (node: Node, path: Node['type'][]) => {
    if (/[A-Za-z]{3,}/.test(node.text ?? '')) found.push({ node, path });
    for (const child of node.content ?? []) visit(child, [...path, node.type]);
  };
  visit(doc, []);
  const chosen = found[Math.floor(next() * found.length)];
  if (!chosen) return undefined;
  const words = [...chosen.node.text!.matchAll(/[A-Za-z]{3,}/g)];
  const { index, 0: from } = words[Math.floor(next() * words.length)]!;
  const { text } = chosen.node;
  chosen.node.text = text!.slice(0, index) + word + text!.slice(index + from.length);
  return { path: chosen.path, from };
}

/** How many lines of `before` and of `after` the one stretch that differs has. */
export function hunk(before: string, after: string): { removed: number; added: number } {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < a.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  return { removed: a.length - head - tail, added: b.length - head - tail };
}
