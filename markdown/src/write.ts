import type { Env } from 'markdown-it';
import { isEmptyParagraph, isList, key, type Node } from './model.ts';
import { type Habits, inlineNodes } from './parse.ts';
import { markdown } from './syntax.ts';
import { type InlineStyle, writeInline } from './write-inline.ts';

/** How new text is written: the file's habits and what a list's neighbours do. */
export type Style = Habits & {
  env: Env;
  /** The style of this list, if it has its own. Nested lists follow the file's style. */
  ownStep?: number | undefined;
  /** Items divided by blank lines. */
  loose: boolean;
  /** How far the raw block that follows is indented: a list before it must not take it in. */
  beyond?: number;
};

type Place = 'paragraph' | 'heading' | 'cell';

/** Writes a canonical block in normal form, lines divided by `\n`, none at the end. */
export function writeBlock(node: Node, style: Style): string {
  return block(node, style).join('\n');
}

/** The style a block needs so as not to melt into the block before it. */
export function apart(style: Style, node: Node, before: Node | undefined, text = ''): Style {
  if (!before || !isList(before) || !isList(node)) return style;
  if ((before.type === 'orderedList') !== (node.type === 'orderedList')) return style;
  const marker = /^[ \t]*(?:([-*+])|\d+([.)]))/.exec(text);
  const bullet = marker?.[1] ?? style.bullet;
  const ordered = marker?.[2] ?? style.ordered;
  return { ...style, bullet: bullet === '-' ? '*' : '-', ordered: ordered === '.' ? ')' : '.' };
}

function siblings(nodes: Node[], style: Style, tight: boolean): string[] {
  const out: string[] = [];
  let before: { node: Node; lines: string[] } | undefined;
  for (const node of nodes) {
    const lines = block(node, apart(style, node, before?.node, before?.lines[0]));
    if (before && !(tight && canFollow(before.node, node))) out.push('');
    out.push(...lines);
    before = { node, lines };
  }
  return out;
}

/** Whether a list may stand right under a paragraph of its item. */
function canFollow(before: Node, node: Node): boolean {
  if (before.type !== 'paragraph' || !isList(node)) return false;
  const begins = !isEmptyParagraph(node.content![0]!.content![0]) || node.type === 'taskList';
  return begins && (node.type !== 'orderedList' || node.attrs!.start === 1);
}

function block(node: Node, style: Style): string[] {
  switch (node.type) {
    case 'paragraph':
      return inline(node, style, 'paragraph').split('\n');
    case 'heading':
      return [
        ['#'.repeat(Number(node.attrs!.level)), inline(node, style, 'heading')]
          .filter(Boolean)
          .join(' '),
      ];
    case 'blockquote':
      return siblings(node.content!, style, false).map((line) => (line ? `> ${line}` : '>'));
    case 'codeBlock':
      return codeBlock(node, style);
    case 'horizontalRule':
      return [style.rule];
    case 'table':
      return table(node, style);
    case 'rawBlock':
      return String(node.attrs!.source).split('\n');
    default:
      return list(node, style);
  }
}

function list(node: Node, style: Style): string[] {
  const ordered = node.type === 'orderedList';
  const step = style.ownStep ?? style.step;
  const out: string[] = [];
  node.content!.forEach((item, index) => {
    const marker = ordered
      ? `${Number(node.attrs!.start) + index * step}${style.ordered}`
      : style.bullet;
    const { checked } = item.attrs!;
    const box = checked === null ? '' : checked ? '[x] ' : '[ ] ';
    const lines = itemLines(item, style, box);
    const gap = ' '.repeat(Math.max(1, (style.beyond ?? 0) + 1 - marker.length));
    const indent = ' '.repeat(marker.length) + gap;
    if (index > 0 && style.loose) out.push('');
    const lead = (line: string, at: number) => (at === 0 ? marker + gap : indent) + line;
    out.push(...lines.map((line, at) => (line ? lead(line, at) : at === 0 ? marker : '')));
  });
  return out;
}

function itemLines(item: Node, style: Style, box: string): string[] {
  const [first, ...rest] = item.content!;
  const inner = { ...style, rule: '___', beyond: 0, ownStep: undefined };
  if (!box && isEmptyParagraph(first)) {
    if (rest.length === 0) return [''];
    // A bullet on the parent's own line, if it were the same, could make a rule of three.
    return siblings(
      rest,
      isList(rest[0]) ? apart(inner, rest[0]!, rest[0], style.bullet) : inner,
      true,
    );
  }
  const head = box ? { ...inner, loose: style.loose } : inner;
  const lines = siblings(item.content!, head, !style.loose);
  if (box) return [isEmptyParagraph(first) ? box.trimEnd() : box + lines[0], ...lines.slice(1)];
  return looksLikeTask(item) && lines[0]!.startsWith('[')
    ? [`\\${lines[0]}`, ...lines.slice(1)]
    : lines;
}

function looksLikeTask(item: Node): boolean {
  const first = item.content![0]!.content?.[0];
  return first?.type === 'text' && !first.marks && /^\[[ xX]\](?:\s|$)/.test(first.text!);
}

function codeBlock(node: Node, style: Style): string[] {
  const text = node.content?.[0]?.text ?? '';
  const info = [node.attrs!.language, node.attrs!.info].filter(Boolean).join(' ');
  const char = info.includes('`') ? '~' : style.fence[0]!;
  const runs = text.match(new RegExp(`^ {0,3}\\${char}{3,}`, 'gm')) ?? [];
  const fence = char.repeat(Math.max(3, ...runs.map((run) => run.trim().length + 1)));
  return [fence + info, ...(text ? text.split('\n') : []), fence];
}

function table(node: Node, style: Style): string[] {
  const rows = node.content!.map(
    (row) =>
      `| ${row.content!.map((cell) => inline(cell.content![0]!, style, 'cell')).join(' | ')} |`,
  );
  const rules: Record<string, string> = { left: ':--', center: ':-:', right: '--:' };
  const head = node.content![0]!.content!.map((cell) => rules[String(cell.attrs!.align)] ?? '---');
  return [rows[0]!, `| ${head.join(' | ')} |`, ...rows.slice(1)];
}

/**
 * Inline content that reads back as the same nodes: the plainest way of writing it that does.
 * Bold and italic that touch need other delimiters; in the end punctuation becomes escapes.
 */
function inline(node: Node, style: Style, place: Place): string {
  const nodes = node.content ?? [];
  if (nodes.length === 0) return '';
  const base: InlineStyle = {
    emphasis: style.emphasis,
    strong: style.strong,
    heavy: false,
    oneLine: place !== 'paragraph',
    labels: Object.keys(style.env.references ?? {}).length > 0,
  };
  const wanted = key(nodes);
  let first: string | undefined;
  for (const attempt of attempts(base)) {
    const written = guarded(writeInline(nodes, attempt), place);
    first ??= written;
    if (key(readInline(written, place, style.env)) === wanted) return written;
  }
  return first!;
}

function* attempts(base: InlineStyle): Generator<InlineStyle> {
  yield base;
  yield { ...base, oneLine: true };
  for (const heavy of [false, true])
    for (const strong of ['**', '__'])
      for (const emphasis of ['*', '_'])
        yield { ...base, heavy, strong, emphasis, oneLine: heavy || base.oneLine };
}

function guarded(text: string, place: Place): string {
  if (place === 'cell') return text.replaceAll('|', '\\|');
  if (place === 'heading') return text.replace(/(^|\s)(#+)$/, '$1\\$2');
  return text.split('\n').map(guardStart).join('\n');
}

/** Keeps a line of a paragraph from being read as the start of something else. */
function guardStart(line: string): string {
  if (/^\d{1,9}[.)](?:\s|$)/.test(line)) return line.replace(/[.)]/, '\\$&');
  const special =
    /^(?:#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|=+\s*$|-+\s*$|(?:[-_*]\s*){3,}$|~~~|:::|\$\$(?!.*\$\$)|\+\+\+|\[[^\]]*\]:|\|)/;
  return special.test(line) ? `\\${line}` : line;
}

function readInline(text: string, place: Place, env: Env): Node[] | undefined {
  const source = { paragraph: text, heading: `# ${text}`, cell: `| ${text} |\n| - |` }[place];
  const tokens = markdown.parse(source, { ...env, references: { ...env.references } });
  const opening = { paragraph: 'paragraph_open', heading: 'heading_open', cell: 'table_open' }[
    place
  ];
  const inlines = tokens.filter((token) => token.type === 'inline');
  if (tokens[0]?.type !== opening || inlines.length !== 1) return undefined;
  return inlineNodes(inlines[0]!.children!);
}
