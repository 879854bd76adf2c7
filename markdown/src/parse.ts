import type { Env, Token } from 'markdown-it';
import { isEmptyParagraph, type Mark, type Node, paragraph, rawBlock, splitInfo } from './model.ts';
import { normalize, normalizeInline } from './normalize.ts';
import type { MarkName } from './schema.ts';
import { markdown, maxDepth } from './syntax.ts';
import { trimEnd } from './trim.ts';

/** A stretch of the source, as string offsets. */
export type Range = { from: number; to: number };

/** A top-level block: its node, where it stands and, in lists, quotes and tables, its parts. */
export type Block = Range & { node: Node; parts: Range[] };

/** What a file's author is used to, so that new text looks like the old. */
export type Habits = {
  eol: string;
  bullet: string;
  ordered: string;
  emphasis: string;
  strong: string;
  fence: string;
  rule: string;
  /** By how much the numbers of a list rise: 1, or 0 where all its items have the same. */
  step: number;
};

export type Parsed = { doc: Node; blocks: Block[]; habits: Habits; env: Env };

/**
 * Reads Markdown into the document model. Never fails: what the model does not know is a raw block.
 *
 * `from` and `to` are offsets into `text`; what lies between blocks is blank.
 */
export function parse(text: string, env: Env = {}): Parsed {
  const start = text.startsWith('\ufeff') ? 1 : 0;
  const lines = lineRanges(text, start);
  const tokens = markdown.parse(start ? text.slice(1) : text, env);
  const blocks: Block[] = [];
  /** Definitions that have become one block, whose node waits for the last of them. */
  let run: Block | undefined;
  const endRun = () => {
    if (run) run.node = raw(text, run);
    run = undefined;
  };
  let resolved = 0;
  for (const group of topLevel(tokens)) {
    const range = toRange(lines, text, group[0]!.map!);
    const last = blocks.at(-1);
    const definition = group[0]!.type === 'reference_definition';
    if (definition && last && isContinued(last, range, text, run)) {
      last.to = range.to;
      run = last;
    } else {
      endRun();
      resolved += definition ? 0 : resolvedIn(group);
      const isBounded = resolved <= mostResolved(text) && !isTooWide(group, range);
      const isRead = !definition && !isTooDeep(group) && isBounded;
      const read = isRead ? convert(group) : undefined;
      const node = read && !isEmptyParagraph(read) ? read : raw(text, range);
      const parts = node.type === 'rawBlock' ? [] : toParts(lines, text, group);
      blocks.push({ ...range, node, parts });
    }
  }
  endRun();
  const content = blocks.map((block) => block.node);
  const doc: Node = { type: 'doc', content: content.length > 0 ? content : [paragraph()] };
  return { doc, blocks, habits: habitsOf(tokens, text), env };
}

/** The top-level nodes of a text, for telling whether a rewritten block says what it should. */
export function parseNodes(text: string, env: Env): Node[] {
  return parse(text, { ...env, references: { ...env.references } }).blocks.map(
    (block) => block.node,
  );
}

/** Start and end of each line, the end without its line break. */
function lineRanges(text: string, start: number): Range[] {
  const lines: Range[] = [];
  let from = start;
  for (const match of text.matchAll(/\r\n?|\n/g)) {
    if (match.index < start) continue;
    lines.push({ from, to: match.index });
    from = match.index + match[0].length;
  }
  lines.push({ from, to: text.length });
  return lines;
}

function toRange(lines: Range[], text: string, [first, end]: [number, number]): Range {
  let last = Math.min(end, lines.length) - 1;
  while (last > first && isBlank(text, lines[last]!)) last--;
  return { from: lines[first]!.from, to: lines[last]!.to };
}

const isBlank = (text: string, range: Range): boolean =>
  /^[ \t]*$/.test(text.slice(range.from, range.to));

function* topLevel(tokens: Token[]): Generator<Token[]> {
  let depth = 0;
  let from = 0;
  for (let index = 0; index < tokens.length; index++) {
    depth += tokens[index]!.nesting;
    if (depth > 0) continue;
    yield tokens.slice(from, index + 1);
    from = index + 1;
  }
}

/** Definitions on neighbouring lines are one block. */
function isContinued(last: Block, range: Range, text: string, run: Block | undefined): boolean {
  if (range.from - last.to > 2) return false;
  const isNext = /^(?:\r\n?|\n)$/.test(text.slice(last.to, range.from));
  return isNext && (last === run || isDefinitions(last.node));
}

const isDefinitions = (node: Node): boolean =>
  node.type === 'rawBlock' && /^ {0,3}\[(?!\^)[\s\S]*?\]:/.test(String(node.attrs!.source));

const raw = (text: string, range: Range): Node => {
  const source = text.slice(range.from, range.to).replace(/\r\n?/g, '\n');
  return rawBlock(trimEnd(source.replaceAll('\0', '\ufffd'), ' \t\n'));
};

/**
 * Characters of addresses and titles that a text may come to. A definition is written once and stands
 * in the model at each of its uses: 64 KiB could become 256 MiB. What goes over it stays raw.
 */
const mostResolved = (text: string): number => 2 * text.length + 2 ** 20;

/** Short rows are filled to the width of their table: one wide row makes every other one as wide. */
function isTooWide(group: Token[], range: Range): boolean {
  if (group[0]!.type !== 'table_open') return false;
  const cells = group.filter(({ type }) => type === 'td_open' || type === 'th_open').length;
  return cells > Math.max(1_000, range.to - range.from);
}

function resolvedIn(group: Token[]): number {
  const names = ['href', 'src', 'title'];
  const lengthOf = (token: Token): number =>
    (token.attrs ?? []).reduce(
      (sum, [name, value]) => sum + (names.includes(name) ? String(value).length : 0),
      0,
    );
  return group.reduce(
    (sum, token) => (token.children ?? []).reduce((all, child) => all + lengthOf(child), sum),
    0,
  );
}

const isTooDeep = (group: Token[]): boolean =>
  group.length > maxDepth && group.some((token) => token.level > maxDepth);

/** Items of a list, children of a quote, rows of a table: whatever has whole lines to itself. */
function toParts(lines: Range[], text: string, group: Token[]): Range[] {
  const type = group[0]!.type;
  if (type === 'table_open') {
    const rows = group.filter((token) => token.type === 'tr_open' && token.map);
    // The line under the head belongs to the head.
    return rows.map((row, index) =>
      toRange(lines, text, index === 0 ? [row.map![0], row.map![1] + 1] : row.map!),
    );
  }
  const nested = type === 'blockquote_open' || type.endsWith('_list_open');
  if (!nested) return [];
  const children = group.filter((token) => token.level === 1 && token.nesting >= 0 && token.map);
  return children.map((token) => toRange(lines, text, token.map!));
}

function convert(group: Token[]): Node {
  const node = normalize({ type: 'doc', content: new Reader(group).blocks() });
  return node.content![0]!;
}

/** Walks the flat list of tokens and builds nodes. */
class Reader {
  #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  blocks(): Node[] {
    const nodes: Node[] = [];
    while (this.#at < this.#tokens.length && this.#tokens[this.#at]!.nesting >= 0)
      nodes.push(this.#block());
    return nodes;
  }

  #block(): Node {
    const token = this.#tokens[this.#at++]!;
    switch (token.type) {
      case 'paragraph_open':
        return this.#closed(() => ({ type: 'paragraph', content: this.#inline() }));
      case 'heading_open': {
        const level = Number(token.tag.slice(1));
        return this.#closed(() => ({ type: 'heading', attrs: { level }, content: this.#inline() }));
      }
      case 'blockquote_open':
        return this.#closed(() => ({ type: 'blockquote', content: this.blocks() }));
      case 'bullet_list_open':
        return this.#closed(() => ({ type: 'bulletList', content: this.#items() }));
      case 'ordered_list_open': {
        const start = Number(token.attrGet('start') ?? 1);
        return this.#closed(() => ({
          type: 'orderedList',
          attrs: { start },
          content: this.#items(),
        }));
      }
      case 'table_open':
        return this.#table();
      case 'fence':
      case 'code_block':
        return code(token);
      case 'hr':
        return { type: 'horizontalRule' };
      default:
        return rawBlock(token.content);
    }
  }

  #closed(read: () => Node): Node {
    const node = read();
    this.#at++;
    return node;
  }

  #inline(): Node[] {
    return inlineNodes(this.#tokens[this.#at++]!.children ?? []);
  }

  #items(): Node[] {
    const items: Node[] = [];
    while (this.#tokens[this.#at]!.type === 'list_item_open') {
      const checked = checkbox(this.#tokens[this.#at + 1], this.#tokens[this.#at + 2]);
      this.#at++;
      const item = this.#closed((): Node => ({ type: 'listItem', content: this.blocks() }));
      items.push(checked === undefined ? item : task(item, checked));
    }
    return items;
  }

  #table(): Node {
    const rows: Node[] = [];
    for (
      let token = this.#tokens[this.#at++]!;
      token.type !== 'table_close';
      token = this.#tokens[this.#at++]!
    ) {
      if (token.type === 'tr_open') rows.push({ type: 'tableRow', content: [] });
      if (token.type !== 'th_open' && token.type !== 'td_open') continue;
      const align = /text-align:(\w+)/.exec(String(token.attrGet('style') ?? ''))?.[1] ?? null;
      const cell = token.type === 'th_open' ? 'tableHeader' : 'tableCell';
      rows
        .at(-1)!
        .content!.push({ type: cell, attrs: { align }, content: [paragraph(this.#inline())] });
    }
    return { type: 'table', content: rows };
  }
}

/** Whether an item's first line starts with a checkbox, and whether that is checked. */
function checkbox(open: Token | undefined, token: Token | undefined): boolean | undefined {
  const isText = open?.type === 'paragraph_open' && token?.type === 'inline';
  const mark = isText ? /^\[([ xX])\](?:\s|$)/.exec(token.content) : null;
  return mark ? mark[1] !== ' ' : undefined;
}

function task(item: Node, checked: boolean): Node {
  const [first, ...rest] = item.content!;
  const [text, ...inline] = first!.content!;
  const cut = { ...text!, text: text!.text!.slice(3) };
  return {
    type: 'listItem',
    attrs: { checked },
    content: [paragraph(cut.text === '' ? inline : [cut, ...inline]), ...rest],
  };
}

function code(token: Token): Node {
  const text = token.content.replace(/\n$/, '');
  const attrs = splitInfo(token.info);
  return { type: 'codeBlock', attrs, content: text ? [{ type: 'text', text }] : [] };
}

/** Inline tokens as canonical inline nodes. */
export function inlineNodes(tokens: Token[]): Node[] {
  const nodes: Node[] = [];
  // Emphasis may lie in emphasis a thousand times; how often says when it ends.
  const open = new Map<MarkName, Mark[]>();
  let marks: Mark[] = [];
  const push = (node: Node) => nodes.push(marks.length > 0 ? { ...node, marks } : node);
  const begin = (mark: Mark) => {
    const all = open.get(mark.type) ?? [];
    open.set(mark.type, all);
    if (all.push(mark) === 1) marks = [...marks, mark];
  };
  const close = (type: MarkName) => {
    const all = open.get(type) ?? [];
    all.pop();
    if (all.length === 0) marks = marks.filter((mark) => mark.type !== type);
  };
  tokens.forEach((token, index) => {
    const type = markOf(token);
    if (type && token.nesting > 0) {
      const attrs =
        type === 'link'
          ? { href: token.attrGet('href'), title: token.attrGet('title') }
          : undefined;
      if (type === 'link' && tokens[index + 1]?.type === 'link_close')
        push({ type: 'rawInline', attrs: { source: `[](<${attrs!.href}>)` } });
      begin(attrs ? { type, attrs } : { type });
    } else if (type) close(type);
    else if (token.type === 'code_inline') {
      begin({ type: 'code' });
      push({ type: 'text', text: token.content });
      close('code');
    } else {
      const node = leaf(token);
      if (node) push(node);
    }
  });
  return normalizeInline(nodes);
}

function markOf(token: Token): MarkName | undefined {
  const names: Record<string, MarkName> = {
    strong: 'bold',
    em: 'italic',
    s: 'strike',
    link: 'link',
  };
  return token.nesting === 0 ? undefined : names[token.type.replace(/_(?:open|close)$/, '')];
}

function leaf(token: Token): Node | undefined {
  switch (token.type) {
    case 'text':
      return { type: 'text', text: token.content };
    case 'softbreak':
      return { type: 'text', text: ' ' };
    case 'hardbreak':
      return { type: 'hardBreak' };
    case 'image': {
      const alt = markdown.renderer.renderInlineAsText(token.children ?? [], markdown.options, {});
      return {
        type: 'image',
        attrs: { src: token.attrGet('src'), alt, title: token.attrGet('title') },
      };
    }
    case 'html_inline':
      if (/^<br\s*\/?>$/i.test(token.content)) return { type: 'hardBreak' };
      return { type: 'rawInline', attrs: { source: token.content } };
    default:
      return { type: 'rawInline', attrs: { source: token.content } };
  }
}

function habitsOf(tokens: Token[], text: string): Habits {
  const habits: Habits = {
    eol: '\n',
    bullet: '-',
    ordered: '.',
    emphasis: '*',
    strong: '**',
    fence: '```',
    rule: '---',
    step: 1,
  };
  const seen = new Set<string>();
  const note = (name: Exclude<keyof Habits, 'step'>, value: string) => {
    if (!seen.has(name)) habits[name] = value;
    seen.add(name);
  };
  habits.step = stepOf(tokens) ?? 1;
  for (const token of tokens) {
    if (token.type === 'bullet_list_open') note('bullet', token.markup);
    else if (token.type === 'ordered_list_open') note('ordered', token.markup);
    else if (token.type === 'fence') note('fence', token.markup.slice(0, 3));
    else if (token.type === 'hr') note('rule', token.markup.slice(0, 1).repeat(3));
    else
      for (const child of token.children ?? []) {
        if (child.type === 'em_open') note('emphasis', child.markup);
        else if (child.type === 'strong_open') note('strong', child.markup);
      }
  }
  const crlf = text.match(/\r\n/g)?.length ?? 0;
  const lf = (text.match(/\n/g)?.length ?? 0) - crlf;
  const cr = (text.match(/\r/g)?.length ?? 0) - crlf;
  habits.eol = crlf > lf && crlf >= cr ? '\r\n' : cr > lf && cr > crlf ? '\r' : '\n';
  return habits;
}

/** By how much the numbers of the first list of several items rise. */
function stepOf(tokens: Token[]): number | undefined {
  const before = new Map<number, string>();
  for (const { type, level, info } of tokens) {
    if (type === 'ordered_list_open') before.delete(level + 1);
    if (type !== 'list_item_open' || info === '') continue;
    const number = before.get(level);
    if (number !== undefined) return number === info ? 0 : 1;
    before.set(level, info);
  }
  return undefined;
}
