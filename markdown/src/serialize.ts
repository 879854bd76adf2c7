import { changes, match } from './diff.ts';
import { type Grain, merge } from './merge.ts';
import { key, type Node } from './model.ts';
import { normalize } from './normalize.ts';
import { type Block, type Parsed, parse, parseNodes, type Range } from './parse.ts';
import { apart, type Style, writeBlock } from './write.ts';

/** A block to write: as it stood (`keep`), as an edit of one that stood (`old`), or new. */
type Entry = { node: Node; keep?: number; old?: number; plain?: boolean };

/**
 * Writes a document as Markdown. What did not change since `base` keeps its bytes: blocks, items of
 * lists, parts of quotes, rows of tables and, inside a changed one, everything but the edit itself.
 *
 * Two laws: `serialize(parse(text).doc, text) === text`, and
 * `parse(serialize(doc, base)).doc` equals `normalize(doc)`.
 */
export function serialize(doc: Node, base = ''): string {
  const parsed = parse(base);
  const wanted = wantedBlocks(doc, parsed);
  const entries = align(
    parsed.blocks.map((block) => block.node),
    wanted,
  );
  defineLabels(wanted, parsed);
  const unchanged =
    entries.length === parsed.blocks.length && entries.every((entry) => entry.keep !== undefined);
  return unchanged ? base : settle(entries, wanted, parsed, base);
}

/** The canonical top-level blocks of a document; edited raw blocks are read anew. */
function wantedBlocks(doc: Node, parsed: Parsed): Node[] {
  const known = new Set(parsed.blocks.flatMap(({ node }) => rawSources(node)));
  const reparse = (source: string): Node[] => {
    const raw: Node = { type: 'rawBlock', attrs: { source } };
    return known.has(source) ? [raw] : parseNodes(source, parsed.env);
  };
  const { content } = normalize(doc, reparse);
  return content!.length === 1 && key(content) === '[{"type":"paragraph"}]' ? [] : content!;
}

function rawSources(node: Node): unknown[] {
  return node.type === 'rawBlock' ? [node.attrs!.source] : (node.content ?? []).flatMap(rawSources);
}

/** Labels that new definitions bring count too when text is escaped. */
function defineLabels(wanted: Node[], parsed: Parsed): void {
  const sources = wanted.map((node) => String(node.attrs?.source ?? ''));
  for (const source of sources) if (source.startsWith('[')) parse(source, parsed.env);
}

/** Pairs old and new: the equal ones first, then what lies between them, by order and type. */
function align(old: Node[], wanted: Node[]): Entry[] {
  const pairs = match(old.map(key), wanted.map(key));
  const entries: Entry[] = wanted.map((node) => ({ node }));
  for (const [from, to] of pairs) entries[to]!.keep = from;
  for (const gap of changes(pairs, old.length, wanted.length)) {
    const was = old.slice(gap.aFrom, gap.aTo);
    const is = wanted.slice(gap.bFrom, gap.bTo);
    const same: [number, number][] =
      was.length === is.length
        ? was.map((_, index) => [index, index])
        : match(
            was.map((node) => node.type),
            is.map((node) => node.type),
          );
    for (const [from, to] of same) entries[gap.bFrom + to]!.old = gap.aFrom + from;
  }
  return entries;
}

/** Writes, reads back, and writes plainer what did not read back as wanted. */
function settle(entries: Entry[], wanted: Node[], parsed: Parsed, base: string): string {
  const expected = wanted.map(key);
  let text = '';
  for (let attempt = 0; attempt < 12; attempt++) {
    text = assemble(entries, parsed, base);
    const got = parse(text).blocks.map((block) => key(block.node));
    const wrong = differing(expected, got);
    if (wrong.length === 0) return text;
    const around = new Set(wrong.flatMap((at) => (attempt < 3 ? [at] : [at - 1, at, at + 1])));
    for (const [at, entry] of entries.entries())
      if (around.has(at) || attempt > 8) entry.plain = true;
  }
  return text;
}

function differing(expected: string[], got: string[]): number[] {
  if (expected.length === got.length)
    return [...expected.keys()].filter((at) => expected[at] !== got[at]);
  const first = expected.findIndex((node, at) => node !== got[at]);
  return first < 0 ? [expected.length - 1] : [first - 1, first];
}

function assemble(entries: Entry[], parsed: Parsed, base: string): string {
  const { blocks, habits, env } = parsed;
  const style: Style = { ...habits, env, loose: false };
  const texts: string[] = [];
  entries.forEach((entry, index) => {
    const before = entries[index - 1];
    const beyond = indentOf(entries[index + 1]?.node);
    const first = { ...style, beyond, ...(index === 0 ? { rule: '***' } : {}) };
    texts.push(
      textOf(entry, apart(first, entry.node, before?.node, texts[index - 1]), parsed, base),
    );
  });
  const mark = base.startsWith('\ufeff') ? 1 : 0;
  const first = entries[0]?.keep ?? entries[0]?.old;
  const lead = base.slice(0, first === 0 ? blocks[0]!.from : mark);
  const tail = blocks.length > 0 ? base.slice(blocks.at(-1)!.to) : habits.eol;
  if (entries.length === 0) return lead;
  return lead + join(entries, texts, blocks, base, habits.eol.repeat(2)) + tail;
}

/** Raw blocks keep their indentation; other blocks are written without. */
const indentOf = (node: Node | undefined): number =>
  node?.type === 'rawBlock' ? /^ {0,3}/.exec(String(node.attrs!.source))![0].length : 0;

/** Joins texts by what stood between them, or by `divider` where nothing did. */
function join(
  entries: Entry[],
  texts: string[],
  was: Range[],
  base: string,
  divider: string,
): string {
  let out = '';
  entries.forEach((entry, index) => {
    const before = entries[index - 1];
    if (before) out += between(before, entry, was, base, divider);
    out += texts[index];
  });
  return out;
}

function between(before: Entry, entry: Entry, was: Range[], base: string, divider: string): string {
  const from = before.keep ?? before.old;
  const to = entry.keep ?? entry.old;
  if (from === undefined || to === undefined || to <= from || before.plain || entry.plain)
    return divider;
  const after = base.slice(was[from]!.to, was[from + 1]!.from);
  const ahead = base.slice(was[to - 1]!.to, was[to]!.from);
  return ahead.length > after.length ? ahead : after;
}

function textOf(entry: Entry, style: Style, parsed: Parsed, base: string): string {
  const write = () => writeBlock(entry.node, style).replaceAll('\n', style.eol);
  if (entry.plain) return write();
  if (entry.keep !== undefined) {
    const { from, to } = parsed.blocks[entry.keep]!;
    return base.slice(from, to);
  }
  if (entry.old === undefined) return write();
  return rewrite(parsed.blocks[entry.old]!, entry.node, style, base) ?? write();
}

/** An edited block, as near to how it stood as reads back right. */
function rewrite(block: Block, node: Node, style: Style, base: string): string | undefined {
  const source = base.slice(block.from, block.to);
  const own = { ...style, ...listStyle(block, base, style) };
  const wanted = key([node]);
  const readsRight = (text: string | undefined): text is string =>
    text !== undefined && key(parseNodes(text, style.env)) === wanted;
  const normal = writeBlock(block.node, own);
  const written = writeBlock(node, own);
  const attempts = [
    () => weave(block, node, own, base, 'word'),
    () => merge(source, normal, written, { eol: style.eol, grain: 'word' }),
    () => weave(block, node, own, base, 'link'),
    () => merge(source, normal, written, { eol: style.eol, grain: 'link' }),
    () => written.replaceAll('\n', style.eol),
  ];
  for (const attempt of attempts) {
    const text = attempt();
    if (readsRight(text)) return text;
  }
  return undefined;
}

/** A list's own marker and whether blank lines divide its items. */
function listStyle(block: Block, base: string, style: Style): Partial<Style> {
  const marker = /^[ \t]*(?:([-*+])|\d+([.)]))/.exec(base.slice(block.from, block.to));
  const [first, second] = block.parts;
  const loose =
    first && second ? /\n[ \t]*\r?\n|\r[ \t]*\r/.test(base.slice(first.to, second.from)) : false;
  const numbers = [first, second].map((item) => item && numberOf(base.slice(item.from, item.to)));
  const ownStep = numbers[1] === undefined ? undefined : numbers[0] === numbers[1] ? 0 : 1;
  return {
    bullet: marker?.[1] ?? style.bullet,
    ordered: marker?.[2] ?? style.ordered,
    loose,
    ownStep,
  };
}

/** The number that an item is written with. */
function numberOf(source: string): number | undefined {
  const digits = /^\s*(\d{1,9})[.)]/.exec(source)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Items, rows and parts of quotes one by one: the unchanged ones keep their bytes. */
function weave(
  block: Block,
  node: Node,
  style: Style,
  base: string,
  grain: Grain,
): string | undefined {
  const { parts } = block;
  const old = block.node.content!;
  if (parts.length < 2 || node.type !== block.node.type || old.length !== parts.length)
    return undefined;
  const entries = align(old, node.content ?? []);
  const wrap = (child: Node, start: number): Node => ({
    type: node.type,
    ...(node.type === 'orderedList' ? { attrs: { start } } : {}),
    content: [child],
  });
  const step = style.ownStep ?? style.step;
  let number = Number(node.attrs?.start ?? 1) - step;
  const texts = entries.map((entry, index) => {
    const at = entry.keep ?? entry.old;
    const source = at === undefined ? undefined : base.slice(parts[at]!.from, parts[at]!.to);
    const was = source === undefined || index === 0 ? undefined : numberOf(source);
    number = was ?? number + step;
    if (entry.keep !== undefined) return source!;
    const written = part(node, wrap(entry.node, number), style, index);
    if (source === undefined) return written.replaceAll('\n', style.eol);
    const normal = part(node, wrap(old[at!]!, number), style, at!);
    return (
      merge(source, normal, written, { eol: style.eol, grain }) ??
      written.replaceAll('\n', style.eol)
    );
  });
  const divider = base.slice(parts[0]!.to, parts[1]!.from);
  const lead = base.slice(block.from, parts[0]!.from);
  return lead + join(entries, texts, parts, base, divider) + base.slice(parts.at(-1)!.to, block.to);
}

/** One child written alone; of a table's later rows only the row. */
function part(parent: Node, wrapped: Node, style: Style, index: number): string {
  const text = writeBlock(wrapped, style);
  return parent.type === 'table' && index > 0 ? text.split('\n')[0]! : text;
}
