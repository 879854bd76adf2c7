import { parse } from '../../markdown/src/index.ts';

/** One act of somebody at the keyboard. */
export type Step =
  | { do: 'type'; text: string }
  | { do: 'press'; keys: string[] }
  | { do: 'paste'; data: Record<string, string>; isPlain?: boolean };

/** What is done, and the lines that must be seen afterwards. */
export type Script = { steps: Step[]; lines: string[] };

type Random = () => number;

/** Signs of Markdown and words, mixed by chance. */
const soup = [
  ...[
    '*',
    '**',
    '_',
    '__',
    '~',
    '~~',
    '`',
    '``',
    '#',
    '##',
    '>',
    '-',
    '+',
    '=',
    '==',
    '|',
    '!',
    '[',
  ],
  ...[
    ']',
    '(',
    ')',
    '<',
    '&',
    '\\',
    '$',
    ':',
    '{',
    '}',
    '.',
    '1.',
    '2)',
    '---',
    '***',
    '```',
    '~~~',
  ],
  ...[
    'a',
    'tea',
    'x2',
    'ünï',
    '日本',
    '😀',
    'README.md',
    'snake_case_name',
    '*.log',
    '5',
    '"q"',
    '->',
  ],
];

/** Text that Markdown would read otherwise, but that no shortcut is made of. */
const escaped = [
  '&amp;',
  '<b>',
  '\\[',
  '[x](y)',
  '[^1]',
  '<!--',
  '$5$',
  '[ref]',
  '&lt;i',
  '![',
  '|x|',
];

/** Signs that become marks as they are typed, and the text that is left. */
const shortcuts = ['**', '__', '*', '_', '~~', '`'];

/** Markdown to paste, and the lines that are seen of it. The last one goes on. */
const markdowns: [string, string[]][] = [
  ['**b** and `c * d`', ['b and c * d']],
  ['# one\n\ntwo *three*', ['', 'one', 'two three']],
  ['- a\n- b * c\n\nend', ['', 'a', 'b * c', 'end']],
  ['1. [ ] a\n1. [x] b\n\nend', ['', 'a', 'b', 'end']],
  ['```js\nx * y_z_\n```\n\nend', ['', 'x * y_z_', 'end']],
  ['> q ~~r~~\n\n[l](m.md) end', ['', 'q r', 'l end']],
  ['| a | b * |\n| - | - |\n| *c* | d |\n\nend', ['', 'a', 'b *', 'c', 'd', 'end']],
];

/** Blocks as they are typed, and the line that is left to write in. */
const blocks: [typed: string, leave: string[]][] = [
  ['# ', ['Enter']],
  ['### ', ['Enter']],
  ['> ', ['Enter', 'Enter']],
  ['- ', ['Enter', 'Enter']],
  ['7. ', ['Enter', 'Enter']],
  ['- [ ] ', ['Enter', 'Enter']],
  ['1. [x] ', ['Enter', 'Enter']],
];

/** A script made by chance: the plain model of typing beside it never looks at the editor. */
export function scriptOf(random: Random, length: number): Script {
  const script = new Writer(random);
  for (let at = 0; at < length; at++) script.act();
  return script.end();
}

class Writer {
  readonly #random: Random;
  readonly #steps: Step[] = [];
  readonly #lines: string[] = [''];
  /** The line so far has signs that were given back: what follows could close them. */
  #isLoose = false;

  constructor(random: Random) {
    this.#random = random;
  }

  act(): void {
    const acts = [
      () => this.#literal(),
      () => this.#literal(),
      () => this.#shortcut(),
      () => this.#block(),
      () => this.#code(),
      () => this.#rule(),
      () => this.#html(),
      () => this.#plain(),
      () => this.#markdown(),
      () => this.#undoShortcut(),
      () => this.#undoAndRedo(),
      () => this.#enter(),
    ];
    this.#pick(acts)();
    if (this.#isLoose) this.#enter();
  }

  end(): Script {
    const lines = this.#lines.map((line) => line.trim()).filter(Boolean);
    return { steps: this.#steps, lines };
  }

  /** Typed text that CommonMark reads as it is, after every key. */
  #literal(): void {
    const text = this.#prefixFree();
    this.#type(text, text);
  }

  #shortcut(): void {
    const sign = this.#pick(shortcuts);
    const word = this.#word();
    const gap = this.#gap();
    this.#type(`${gap}${sign}${word}${sign} `, `${gap}${word} `);
  }

  #block(): void {
    if (this.#line !== '') this.#enter();
    const [typed, leave] = this.#pick(blocks);
    const word = this.#word();
    this.#type(typed + word, word);
    this.#press(...leave);
    this.#lines.push('');
  }

  #code(): void {
    if (this.#line !== '') this.#enter();
    const code = `${this.#signs()} ${this.#word()}`;
    this.#type(this.#pick(['```js', '~~~', '```sh {name=a}']), '');
    this.#press('Enter');
    this.#type(code, code);
    this.#press('ArrowDown');
    this.#lines.push('');
  }

  #rule(): void {
    if (this.#line !== '') this.#enter();
    this.#type(this.#pick(['---', '***', '___']), '');
    this.#press('Enter');
  }

  #html(): void {
    const text = `${this.#signs()} ${this.#word()}`;
    const bold = this.#word();
    const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    const html = `<p>${safe} <b>${bold}</b></p>`;
    this.#gapType();
    this.#steps.push({ do: 'paste', data: { 'text/html': html, 'text/plain': text } });
    this.#add(`${text} ${bold}`);
    this.#isLoose = true;
  }

  /** Pasted with Shift: as it is. */
  #plain(): void {
    const text = `${this.#signs()} ${this.#word()}`;
    this.#gapType();
    this.#steps.push({ do: 'paste', data: { 'text/plain': text }, isPlain: true });
    this.#add(text);
    this.#isLoose = true;
  }

  #markdown(): void {
    const [text, lines] = this.#pick(markdowns);
    this.#gapType();
    this.#steps.push({ do: 'paste', data: { 'text/plain': text } });
    this.#add(lines[0]!);
    this.#lines.push(...lines.slice(1));
    this.#isLoose = true;
  }

  #undoShortcut(): void {
    const sign = this.#pick(shortcuts);
    const typed = `${this.#gap()}${sign}${this.#word()}${sign}`;
    this.#type(typed, typed);
    this.#press(this.#pick(['Control+z', 'Backspace']));
    this.#isLoose = true;
  }

  #undoAndRedo(): void {
    const text = `${this.#gap()}${this.#word()} `;
    this.#type(text, text);
    const times = 1 + Math.floor(this.#random() * 3);
    const redo = this.#pick(['Control+Shift+z', 'Control+Shift+Z', 'Control+y']);
    this.#press(...Array(times).fill('Control+z'), ...Array(times + 1).fill(redo), 'Control+End');
  }

  #enter(): void {
    this.#isLoose = false;
    if (this.#line === '') return;
    this.#press('Enter');
    this.#lines.push('');
  }

  #prefixFree(): string {
    let line = this.#line;
    let text = '';
    for (let at = 0; at < 8; at++) {
      const piece = this.#random() < 0.2 ? this.#pick(escaped) : this.#pick(soup);
      const next = `${line === '' || line.endsWith(' ') ? '' : ' '}${piece}`;
      const isFine = escaped.includes(piece) ? line !== '' : isLiteral(line, next);
      if (!isFine) continue;
      text += next;
      line += escaped.includes(piece) ? next.replace(piece, 'w') : next;
    }
    return text === '' ? `${this.#gap()}word` : text;
  }

  #signs(): string {
    return Array.from({ length: 6 }, () => this.#pick(this.#random() < 0.2 ? escaped : soup)).join(
      ' ',
    );
  }

  #word(): string {
    return this.#pick(['tea', 'two words', 'x2', 'ünï', '日本', 'b c d']);
  }

  get #line(): string {
    return this.#lines.at(-1)!;
  }

  #gap(): string {
    return this.#line === '' || this.#line.endsWith(' ') ? '' : ' ';
  }

  #gapType(): void {
    if (this.#gap()) this.#type(' ', ' ');
  }

  #add(text: string): void {
    this.#lines[this.#lines.length - 1] += text;
  }

  #type(text: string, seen: string): void {
    this.#steps.push({ do: 'type', text });
    this.#add(seen);
  }

  #press(...keys: string[]): void {
    this.#steps.push({ do: 'press', keys });
  }

  #pick<Of>(list: readonly Of[]): Of {
    return list[Math.floor(this.#random() * list.length)]!;
  }
}

/** Whether CommonMark reads the line as plain text after each key of `added`. */
function isLiteral(line: string, added: string): boolean {
  const chars = [...added];
  return chars.every((_, at) => {
    const text = line + chars.slice(0, at + 1).join('');
    const [block, ...rest] = parse(text).doc.content!;
    const [inline, ...more] = block!.content ?? [];
    if (text.trim() === '') return true;
    const isPlain = block!.type === 'paragraph' && rest.length + more.length === 0;
    return isPlain && !inline?.marks && inline?.text === text.trim();
  });
}
