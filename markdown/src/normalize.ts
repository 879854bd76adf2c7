import { marksOf } from './carry.ts';
import { hasMark, isEmptyParagraph, type Mark, type Node, paragraph, splitInfo } from './model.ts';
import { type MarkName, markOrder, schema } from './schema.ts';
import { markdown } from './syntax.ts';
import { inOneLine, trimEnd } from './trim.ts';

const emphasis: MarkName[] = ['bold', 'italic', 'strike'];
const space = /^[\s\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+$/;

/**
 * The document as Markdown can hold it, with every attribute in its place.
 *
 * What Markdown cannot hold, and what becomes of it: empty paragraphs between blocks go; spaces at
 * the ends of a line and bold, italic or strike of a mere space go; a line break inside a text is a
 * space; a paragraph of nothing but line breaks is empty; a link to a script is plain text; a table
 * has one header row, rows of one length, one alignment a column and no joined cells; code cannot
 * hold an image or a line break. Front matter stands first, a second one is code; HTML left open
 * ends where something follows; a raw block that is in truth ordinary Markdown becomes that, and
 * raw inline parts whose neighbours change so that they read as text become text; a paragraph that
 * starts with the tag of an HTML block becomes one. These last two only `serialize` can tell.
 */
export function normalize(doc: Node, reparse?: (source: string) => Node[]): Node {
  const content = frontMatterFirst(blocks(doc.content ?? [], reparse));
  return { type: 'doc', content: content.length > 0 ? content : [paragraph()] };
}

/** Front matter is that only at the start; a second one is a block of code. */
function frontMatterFirst(nodes: Node[]): Node[] {
  const found = nodes.filter(isFrontMatter);
  if (found.length === 0 || (found.length === 1 && found[0] === nodes[0])) return nodes;
  const rest = nodes.filter((node) => node !== found[0]);
  return [found[0]!, ...rest.map((node) => (isFrontMatter(node) ? fenced(node) : node))];
}

const isFrontMatter = (node: Node): boolean =>
  node.type === 'rawBlock' && /^(?:---|\+\+\+)[ \t]*\n/.test(String(node.attrs!.source));

function fenced(node: Node): Node {
  const text = String(node.attrs!.source).split('\n').slice(1, -1).join('\n');
  return filled('codeBlock', { language: 'yaml' }, text ? [{ type: 'text', text }] : []);
}

function blocks(nodes: Node[], reparse?: (source: string) => Node[]): Node[] {
  const kept = nodes
    .flatMap((node) => block(node, reparse))
    .filter((node) => !isEmptyParagraph(node));
  return kept.map((node, index) => (index < kept.length - 1 ? ended(node) : node));
}

const unclosed: [start: RegExp, end: string][] = [
  [/^ {0,3}<!--/, '-->'],
  [/^ {0,3}<\?/, '?>'],
  [/^ {0,3}<!\[CDATA\[/, ']]>'],
  [/^ {0,3}<![A-Za-z]/, '>'],
  [/^ {0,3}<(script|pre|style|textarea)(?=[\s>]|$)/i, '</$1>'],
];

/** Open HTML runs to the end of the file: when something follows, it gets its end. */
function ended(node: Node): Node {
  const source = node.type === 'rawBlock' ? String(node.attrs!.source) : '';
  const found =
    source.startsWith(' ') || source.startsWith('<')
      ? unclosed.find(([start]) => start.test(source))
      : undefined;
  if (!found) return node;
  const end = found[1].replace('$1', found[0].exec(source)![1] ?? '');
  const closes = end.startsWith('</')
    ? /<\/(?:script|pre|style|textarea)>/i.test(source)
    : source.includes(end);
  return closes ? node : filled('rawBlock', { source: `${source}\n${end}` });
}

function block(node: Node, reparse?: (source: string) => Node[]): Node[] {
  switch (node.type) {
    case 'paragraph':
      return [textBlock(normalizeInline(node.content ?? []))];
    case 'heading':
      return [heading(node)];
    case 'blockquote': {
      const content = blocks(node.content ?? [], reparse);
      return [filled('blockquote', {}, content.length > 0 ? content : [paragraph()])];
    }
    case 'bulletList':
    case 'orderedList':
    case 'taskList':
      return list(node, reparse);
    case 'codeBlock':
      return [codeBlock(node)];
    case 'table':
      return table(node);
    case 'rawBlock': {
      const source = String(node.attrs?.source ?? '').replace(/\r\n?/g, '\n');
      const trimmed = trimEnd(source.replace(/^(?:[ \t]*\n)+/, ''), ' \t\n');
      if (trimmed === '') return [];
      return reparse ? reparse(trimmed) : [filled('rawBlock', { source: trimmed })];
    }
    default:
      return [filled(node.type, node.attrs)];
  }
}

function heading(node: Node): Node {
  const level = Math.min(Math.max(Math.trunc(Number(node.attrs?.level ?? 1)) || 1, 1), 6);
  return filled('heading', { level }, normalizeInline(node.content ?? []));
}

/** A paragraph, or a raw block if raw is all there is: alone on a line HTML is a block. */
function textBlock(content: Node[]): Node {
  const raw = content.length > 0 && content.every((node) => node.type === 'rawInline');
  const source = content.map((node) => node.attrs?.source).join('');
  return raw ? filled('rawBlock', { source }) : paragraph(content);
}

function list(node: Node, reparse?: (source: string) => Node[]): Node[] {
  const children = node.content ?? [];
  const isTask = (item: Node) => typeof item.attrs?.checked === 'boolean';
  // A bulleted list of nothing but tasks is a task list, whoever has made it.
  const isTasks =
    node.type === 'taskList' || (node.type === 'bulletList' && children.every(isTask));
  const items = children.map((item) => {
    const content = blocks(item.content ?? [], reparse);
    if (content[0]?.type !== 'paragraph') content.unshift(paragraph());
    const checked = isTask(item) ? item.attrs!.checked : isTasks ? false : null;
    return filled(isTasks ? 'taskItem' : 'listItem', { checked }, content);
  });
  const start = Math.min(Math.max(Math.trunc(Number(node.attrs?.start ?? 1)) || 0, 0), 999_999_999);
  return items.length > 0 ? [filled(isTasks ? 'taskList' : node.type, { start }, items)] : [];
}

function codeBlock(node: Node): Node {
  const text = (node.content ?? []).map((child) => child.text ?? '').join('');
  const { language, info } = splitInfo(
    inOneLine(`${node.attrs?.language ?? ''} ${node.attrs?.info ?? ''}`),
  );
  const clean = text.replace(/\r\n?/g, '\n').replaceAll('\0', '\ufffd');
  return filled('codeBlock', { language, info }, clean ? [{ type: 'text', text: clean }] : []);
}

/** Cells of a table that may be filled in. */
const mostFilled = 65_536;

function table(node: Node): Node[] {
  const rows = (node.content ?? []).map((row) =>
    (row.content ?? []).flatMap((cell) => {
      const spanned = Math.min(Math.max(Number(cell.attrs?.colspan ?? 1), 1), 100) - 1;
      return [cell, ...Array.from({ length: spanned }, (): Node => ({ type: 'tableCell' }))];
    }),
  );
  const width = Math.max(0, ...rows.map((row) => row.length));
  if (width === 0) return [];
  // Filled to one width they would be far more than was written: then each row is a table.
  const written = rows.reduce((sum, row) => sum + row.length, 0);
  if (rows.length > 1 && rows.length * width > Math.max(mostFilled, 2 * written))
    return (node.content ?? []).flatMap((row) => table({ ...node, content: [row] }));
  const aligns = rows[0]!.map((cell) => cell.attrs?.align ?? null);
  const content = rows.map((row, index) =>
    filled(
      'tableRow',
      {},
      Array.from({ length: width }, (_, column) =>
        filled(index === 0 ? 'tableHeader' : 'tableCell', { align: aligns[column] }, [
          paragraph(cellContent(row[column])),
        ]),
      ),
    ),
  );
  return [filled('table', {}, content)];
}

function cellContent(cell: Node | undefined): Node[] {
  const inline = (cell?.content ?? []).flatMap((part, index): Node[] =>
    index > 0 ? [{ type: 'hardBreak' }, ...(part.content ?? [])] : (part.content ?? []),
  );
  return normalizeInline(inline);
}

/** A node with every attribute of its type, in the schema's order. */
function filled(type: Node['type'], attrs: Node['attrs'], content: Node[] = []): Node {
  const defaults = Object.entries(schema.nodes[type].spec.attrs ?? {}).filter(
    ([name]) => name !== 'marks',
  );
  const node: Node = { type };
  if (defaults.length > 0)
    node.attrs = Object.fromEntries(
      defaults.map(([name, spec]) => [name, attrs?.[name] ?? spec.default]),
    );
  if (content.length > 0) node.content = content;
  return node;
}

/** Inline content as one line of Markdown can hold it. */
export function normalizeInline(nodes: Node[]): Node[] {
  const clean = nodes.flatMap(inline);
  return joined(trimmed(joined(unemphasised(clean))));
}

function inline(node: Node): Node[] {
  const plain = node.type === 'text';
  const marks = normalizeMarks(
    plain ? node.marks : marksOf(node)?.filter((mark) => mark.type !== 'code'),
  );
  const base: Node = plain
    ? { type: 'text', text: oneLine(node.text ?? '') }
    : filled(node.type, attributes(node));
  if (plain && base.text === '') return [];
  if (node.type === 'rawInline' && base.attrs?.source === '') return [];
  return [marks.length > 0 ? { ...base, marks } : base];
}

function attributes(node: Node): Record<string, unknown> {
  if (node.type === 'rawInline') return { source: oneLine(String(node.attrs?.source ?? '')) };
  if (node.type !== 'image') return {};
  const { src, alt, title } = node.attrs ?? {};
  return {
    src: String(src ?? ''),
    alt: alt ? oneLine(String(alt)) : null,
    title: title ? oneLine(String(title)) : null,
  };
}

const oneLine = (text: string): string =>
  inOneLine(text).replaceAll('\0', '\ufffd').replaceAll('\ufeff', '');

function normalizeMarks(marks: Mark[] = []): Mark[] {
  const kept =
    marks.length > 1
      ? markOrder.flatMap((name) => marks.find((m) => m.type === name) ?? [])
      : marks;
  return kept.flatMap((mark): Mark[] => {
    if (mark.type !== 'link') return [{ type: mark.type }];
    const href = String(mark.attrs?.href ?? '').replace(/[\r\n]+/g, '');
    const title = mark.attrs?.title ? oneLine(String(mark.attrs.title)) : null;
    return markdown.validateLink(href) ? [{ type: 'link', attrs: { href, title } }] : [];
  });
}

/** Takes bold, italic and strike from the spaces and line breaks at their ends. */
function unemphasised(nodes: Node[]): Node[] {
  if (!nodes.some((node) => emphasis.some((mark) => hasMark(node, mark)))) return nodes;
  const parts = nodes.flatMap((node) =>
    node.type === 'text' && !hasMark(node, 'code')
      ? (node.text!.match(/[\s\u00a0]+|[^\s\u00a0]+/g) ?? []).map((text) => ({ ...node, text }))
      : [node],
  );
  for (const mark of emphasis) {
    const strip = (from: number, step: 1 | -1) => {
      for (
        let at = from;
        parts[at] && hasMark(parts[at]!, mark) && isBlank(parts[at]!);
        at += step
      ) {
        const { marks, ...rest } = parts[at]!;
        const left = marks!.filter((other) => other.type !== mark);
        parts[at] = left.length > 0 ? { ...rest, marks: left } : rest;
      }
    };
    parts.forEach((part, index) => {
      const before = parts[index - 1];
      if (hasMark(part, mark) && !(before && hasMark(before, mark))) strip(index, 1);
    });
    for (let index = parts.length - 1; index >= 0; index--) {
      const after = parts[index + 1];
      if (hasMark(parts[index]!, mark) && !(after && hasMark(after, mark))) strip(index, -1);
    }
  }
  return parts;
}

function isBlank(node: Node): boolean {
  if (node.type === 'text') return !hasMark(node, 'code') && space.test(node.text!);
  return node.type === 'hardBreak';
}

function joined(nodes: Node[]): Node[] {
  const out: Node[] = [];
  for (const node of nodes) {
    const last = out.at(-1);
    const same = last?.type === 'text' && node.type === 'text' && areSame(last.marks, node.marks);
    if (same) out[out.length - 1] = { ...last, text: last.text! + node.text! };
    else out.push(node);
  }
  return out;
}

/** Whether two lists of normal marks say the same; their attributes are texts, and may be long. */
function areSame(a: Mark[] = [], b: Mark[] = []): boolean {
  const isSame = (mark: Mark, other: Mark | undefined) =>
    mark.type === other?.type &&
    mark.attrs?.href === other.attrs?.href &&
    mark.attrs?.title === other.attrs?.title;
  return a === b || (a.length === b.length && a.every((mark, at) => isSame(mark, b[at])));
}

/** Without spaces at the ends of a line, which Markdown drops. */
function trimmed(nodes: Node[]): Node[] {
  if (nodes.length > 0 && nodes.every(isBreakOrSpace)) return [];
  const starts = edges(nodes, -1);
  const ends = edges(nodes, 1);
  return nodes.flatMap((node, index): Node[] => {
    if (node.type !== 'text' || hasMark(node, 'code')) return [node];
    let text = node.text!;
    if (starts[index]) text = text.replace(/^[ \t]+/, '');
    if (ends[index]) text = trimEnd(text, ' \t');
    return text === '' ? [] : text === node.text ? [node] : [{ ...node, text }];
  });
}

const isBreakOrSpace = (node: Node): boolean =>
  node.type === 'hardBreak' ||
  (node.type === 'text' && !hasMark(node, 'code') && /^[ \t]*$/.test(node.text!));

/** Of each node whether nothing but spaces lies between it and that end of its line. */
function edges(nodes: Node[], step: 1 | -1): boolean[] {
  const out: boolean[] = [];
  let isEdge = true;
  for (let at = step > 0 ? nodes.length - 1 : 0; nodes[at]; at -= step) {
    const node = nodes[at]!;
    out[at] = isEdge;
    isEdge = node.type === 'hardBreak' || (isEdge && node.type === 'text' && isBreakOrSpace(node));
  }
  return out;
}
