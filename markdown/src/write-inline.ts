import { hasMark, key, type Mark, type Node } from './model.ts';
import type { MarkName } from './schema.ts';

/** How to write inline parts: which marks, how much to escape, and whether a `|` ends a cell. */
export type InlineStyle = {
  emphasis: string;
  strong: string;
  /** Every punctuation escaped and letters beside a mark written as entities. */
  heavy: boolean;
  /** The line can be no longer than one: headings and cells. */
  oneLine: boolean;
  /** The document defines link labels, so a mere `[word]` could be a link. */
  labels: boolean;
};

/** Writes inline nodes as Markdown; lines are divided by `\n`. */
export function writeInline(nodes: Node[], style: InlineStyle): string {
  const open: Mark[] = [];
  let out = '';
  nodes.forEach((node, index) => {
    const marks = ordered(nodes, index);
    const keep = shared(open, marks);
    out += close(open, keep, style);
    const link = marks.find((mark) => mark.type === 'link');
    if (link && isAutolink(nodes, index, link)) {
      const rest = marks.filter((mark) => mark.type !== 'link');
      out += `${start(open, rest, style)}<${node.text}>`;
    } else out += start(open, marks, style) + leaf(nodes, index, style);
  });
  return out + close(open, 0, style);
}

/** The marks of a node but for code, the longest lasting first, so that they nest. */
function ordered(nodes: Node[], index: number): Mark[] {
  const marks = (nodes[index]!.marks ?? []).filter((mark) => mark.type !== 'code');
  if (marks.length < 2) return marks;
  const length = new Map(marks.map((mark) => [mark, extent(nodes, index, mark)]));
  return [...marks].sort((a, b) => length.get(b)! - length.get(a)!);
}

function extent(nodes: Node[], index: number, mark: Mark): number {
  const wanted = key(mark);
  const carries = (node: Node | undefined) => node?.marks?.some((other) => key(other) === wanted);
  let from = index;
  let to = index;
  while (carries(nodes[from - 1])) from--;
  while (carries(nodes[to + 1])) to++;
  return to - from;
}

function shared(open: Mark[], marks: Mark[]): number {
  const wanted = marks.map(key);
  let keep = 0;
  while (keep < open.length && wanted.includes(key(open[keep]!))) keep++;
  return keep;
}

function close(open: Mark[], keep: number, style: InlineStyle): string {
  let out = '';
  while (open.length > keep) {
    const mark = open.pop()!;
    out +=
      mark.type === 'link'
        ? `](${target(mark.attrs!.href, mark.attrs!.title)})`
        : delimiter(mark.type, style);
  }
  return out;
}

function start(open: Mark[], marks: Mark[], style: InlineStyle): string {
  const already = open.map(key);
  let out = '';
  for (const mark of marks.filter((one) => !already.includes(key(one)))) {
    open.push(mark);
    out += mark.type === 'link' ? '[' : delimiter(mark.type, style);
  }
  return out;
}

function delimiter(type: MarkName, style: InlineStyle): string {
  if (type === 'bold') return style.strong;
  return type === 'italic' ? style.emphasis : '~~';
}

function target(href: unknown, title: unknown): string {
  const url = String(href ?? '');
  const bare = /^[^\s<>\\()\p{Cc}]*(?:\([^\s<>\\()\p{Cc}]*\)[^\s<>\\()\p{Cc}]*)?$/u;
  const plain = url !== '' && bare.test(url) && !entityLike.test(url);
  const address = plain ? url : `<${escapeEntities(url.replace(/[\\<>]/g, '\\$&'))}>`;
  const quoted = title && escapeEntities(String(title).replace(/["\\]/g, '\\$&'));
  return quoted ? `${address} "${quoted}"` : address;
}

const entityLike = /&(?=#?\w+;)/;
const escapeEntities = (text: string): string => text.replaceAll(/&(?=#?\w+;)/g, '&amp;');

function isAutolink(nodes: Node[], index: number, link: Mark): boolean {
  const node = nodes[index]!;
  const alone = [nodes[index - 1], nodes[index + 1]].every(
    (other) => !other?.marks?.some((mark) => key(mark) === key(link)),
  );
  const { href, title } = link.attrs!;
  return (
    alone &&
    !title &&
    node.text === href &&
    !hasMark(node, 'code') &&
    /^[a-z][a-z0-9+.-]{1,31}:[^\s<>\p{Cc}]*$/iu.test(String(href))
  );
}

function leaf(nodes: Node[], index: number, style: InlineStyle): string {
  const node = nodes[index]!;
  switch (node.type) {
    case 'hardBreak':
      return style.oneLine || isEdge(nodes, index) ? '<br>' : '\\\n';
    case 'rawInline':
      return String(node.attrs!.source);
    case 'image':
      return image(node, style);
    default:
      return hasMark(node, 'code') ? codeSpan(node.text!) : text(nodes, index, style);
  }
}

/** A backslash break needs text on both of its sides; `<br>` does not. */
function isEdge(nodes: Node[], index: number): boolean {
  const before = nodes[index - 1];
  const after = nodes[index + 1];
  return !before || !after || before.type === 'hardBreak' || after.type === 'hardBreak';
}

function image(node: Node, style: InlineStyle): string {
  const { src, alt, title } = node.attrs!;
  const label = String(alt ?? '').replace(
    style.heavy ? /[!-/:-@[-`{-~]/g : /[\\`*_[\]<&~$]/g,
    '\\$&',
  );
  return `![${label}](${target(src, title)})`;
}

function codeSpan(content: string): string {
  const runs = content.match(/`+/g)?.map((run) => run.length) ?? [];
  let length = 1;
  while (runs.includes(length)) length++;
  const fence = '`'.repeat(length);
  const padded = /^`|`$/.test(content) || (/^ .* $/.test(content) && content.trim() !== '');
  return padded ? `${fence} ${content} ${fence}` : fence + content + fence;
}

function text(nodes: Node[], index: number, style: InlineStyle): string {
  const node = nodes[index]!;
  const content = node.text!;
  if (style.heavy) return heavy(nodes, index);
  const linked = hasMark(node, 'link');
  return content.replace(/[\\`*_[\]!<&~$]/g, (char, at: number) =>
    mustEscape(content, char, at, linked, style.labels) ? `\\${char}` : char,
  );
}

function mustEscape(
  content: string,
  char: string,
  at: number,
  linked: boolean,
  labels: boolean,
): boolean {
  const before = content[at - 1];
  const after = content[at + 1];
  const rest = content.slice(at + 1, at + 1000);
  switch (char) {
    case '\\':
      return after === undefined || /[!-/:-@[-`{-~]/.test(after);
    case '`':
      return true;
    case '*':
      return !(isSpace(before) && isSpace(after));
    case '_':
      return !(isSpace(before) && isSpace(after)) && !(isWord(before) && isWord(after));
    case '[':
      return linked || labels || rest.startsWith('^') || !/^[^[\]]*\][^([:]/.test(`${rest} `);
    case ']':
      return linked;
    case '!':
      return after === undefined;
    case '<':
      return after === undefined || /[a-z/!?]/i.test(after);
    case '&':
      return /^(?:#\w+|\w+);/.test(rest);
    case '~':
      return before === '~' || after === '~' || after === undefined || before === undefined;
    default:
      return after !== undefined && !isSpace(after) && rest.includes('$');
  }
}

const isSpace = (char: string | undefined): boolean => char !== undefined && /\s/.test(char);
const isWord = (char: string | undefined): boolean =>
  char !== undefined && /[\p{L}\p{N}]/u.test(char);

function heavy(nodes: Node[], index: number): string {
  const node = nodes[index]!;
  const chars = [...node.text!];
  const escaped = chars.map((char) => {
    if (/[!-/:-@[-`{-~]/.test(char)) return `\\${char}`;
    return /[^\S ]/.test(char) ? entity(char) : char;
  });
  const outside = (other: Node | undefined) =>
    other && (other.marks?.length ?? 0) >= (node.marks?.length ?? 0);
  if (outside(nodes[index - 1]) && !/\s/.test(chars[0]!)) escaped[0] = entity(chars[0]!);
  const last = chars.length - 1;
  if (outside(nodes[index + 1]) && !/\s/.test(chars[last]!)) escaped[last] = entity(chars[last]!);
  return escaped.join('');
}

const entity = (char: string): string => `&#x${char.codePointAt(0)!.toString(16).toUpperCase()};`;
