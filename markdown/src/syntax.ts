import MarkdownIt, { type StateBlock, type StateCore, type StateInline } from 'markdown-it';
import { Closers, closersOf } from './closers.ts';

/** Deeper than this a block stays raw: nobody edits it, and markdown-it would drop its content. */
export const maxDepth = 40;

/** The parser for whole documents, inline parts included. */
export const markdown = syntax();

/** The same block rules without the inline parts: twice as fast, enough to find fences. */
export const blocksOnly = syntax();
blocksOnly.core.ruler.enableOnly(['normalize', 'block']);

function syntax(): InstanceType<typeof MarkdownIt> {
  const md = new MarkdownIt({ html: true, maxNesting: 100 });
  // Addresses are kept as they are written: an encoded one would be another one on save.
  md.normalizeLink = (url) => url;
  md.normalizeLinkText = (url) => url;
  md.core.ruler.disable(['strip_references', 'linkify', 'replacements', 'smartquotes']);
  md.core.ruler.after('block', 'definitions', definitions);
  md.block.ruler.before('table', 'front_matter', frontMatter);
  md.block.ruler.before('reference', 'footnote', footnote);
  const alt = ['paragraph', 'reference', 'blockquote', 'list'];
  md.block.ruler.before('fence', 'math_block', mathBlock, { alt });
  md.block.ruler.before('fence', 'directive', directive, { alt });
  md.inline.ruler.before('link', 'footnote_ref', footnoteRef);
  md.inline.ruler.before('escape', 'math_inline', mathInline);
  return md;
}

/** Gives link reference definitions their source, which markdown-it forgets. */
function definitions(state: StateCore): void {
  const tokens = state.tokens.filter((token) => token.type === 'reference_definition');
  const lines = tokens.length > 0 ? state.src.split('\n') : [];
  for (const token of tokens) {
    const source = lines.slice(...token.map!).join('\n');
    token.content = source.slice(source.indexOf('[')).replace(/\n[\s>]*/g, '\n');
  }
}

/** Pushes the lines as they are, without the indentation of the container. */
function pushRaw(state: StateBlock, from: number, to: number): true {
  const token = state.push('raw_block', '', 0);
  token.content = state.getLines(from, to, state.blkIndent, false);
  token.map = [from, to];
  state.line = to;
  return true;
}

function lineText(state: StateBlock, line: number): string {
  return state.src.slice(state.bMarks[line]! + state.tShift[line]!, state.eMarks[line]);
}

function isIndented(state: StateBlock, line: number): boolean {
  return state.sCount[line]! - state.blkIndent >= 4;
}

function frontMatter(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (start !== 0 || state.level !== 0 || state.tShift[0] !== 0) return false;
  const fence = lineText(state, 0).trimEnd();
  const open = fence === '---' || fence === '+++';
  if (!open || end < 3 || !/^(?:[\w"'$@.[-][^\n]*[:=\]]|#|\{)/.test(lineText(state, 1)))
    return false;
  let line = 1;
  while (line < end && !isFrontMatterEnd(state, line, fence)) line++;
  if (line === end) return false;
  return silent || pushRaw(state, 0, line + 1);
}

function isFrontMatterEnd(state: StateBlock, line: number, fence: string): boolean {
  const text = state.src.slice(state.bMarks[line], state.eMarks[line]).trimEnd();
  return text === fence || (fence === '---' && text === '...');
}

function footnote(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (isIndented(state, start)) return false;
  if (!/^\[\^[^\]\s]+\]:/.test(lineText(state, start))) return false;
  let last = start;
  for (let line = start + 1; line < end; line++) {
    const continues = !state.isEmpty(line) && (isIndented(state, line) || last === line - 1);
    const next = /^\[\^?[^\]]+\]:/.test(lineText(state, line)) && !isIndented(state, line);
    if (next || (!continues && !state.isEmpty(line)) || state.sCount[line]! < state.blkIndent)
      break;
    if (continues) last = line;
  }
  return silent || pushRaw(state, start, last + 1);
}

function mathBlock(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (isIndented(state, start)) return false;
  const first = lineText(state, start).trimEnd();
  if (!first.startsWith('$$')) return false;
  if (first.length > 4 && first.endsWith('$$')) return silent || pushRaw(state, start, start + 1);
  if (first.indexOf('$$', 2) >= 0) return false;
  const last = closedAt(state, start, end, (closers) => closers.math(start));
  return last !== undefined && (silent || pushRaw(state, start, last + 1));
}

function directive(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (isIndented(state, start)) return false;
  const colons = /^(:{3,})\s*[\w{[]/.exec(lineText(state, start))?.[1];
  if (!colons) return false;
  const last = closedAt(state, start, end, (closers) => closers.directive(start, colons.length));
  return last !== undefined && (silent || pushRaw(state, start, last + 1));
}

/** Where what opens at a line is closed: read once for all lines of a container, not once an opener. */
function closedAt(
  state: StateBlock,
  start: number,
  end: number,
  find: (closers: Closers) => number | undefined,
): number | undefined {
  const isInside = (line: number) => state.sCount[line]! >= state.blkIndent;
  const container = `${state.level} ${state.blkIndent} ${end}`;
  const last = find(closersOf(state, container, start, () => readClosers(state, start, end)));
  if (last === undefined) return undefined;
  let line = start + 1;
  while (line <= last && isInside(line)) line++;
  // A quote takes lines out of its container after these were read: its lazy ones.
  if (line > last) return last;
  return find(closersOf(state, container, start, () => readClosers(state, start, end), true));
}

function readClosers(state: StateBlock, start: number, end: number): Closers {
  const lines: string[] = [];
  for (let line = start; line < end; line++) {
    if (line > start && state.sCount[line]! < state.blkIndent) break;
    lines.push(lineText(state, line));
  }
  return new Closers(start, lines);
}

function footnoteRef(state: StateInline, silent: boolean): boolean {
  // A label has at most 999 characters, as a link's has: an open one is not read to the end of the text.
  return sticky(state, silent, /\[\^[^\]\s]{1,999}\](?![(:[])/y);
}

function mathInline(state: StateInline, silent: boolean): boolean {
  if (state.src.charCodeAt(state.pos) !== 36) return false;
  const before = state.pos === 0 ? ' ' : state.src[state.pos - 1]!;
  if (!/[\s(,;:[>]/.test(before)) return false;
  return sticky(state, silent, /\$(?![\s$])[^$\n]*[^\s$\\]\$(?![\w$])|\$\$[^$\n]+\$\$/y);
}

function sticky(state: StateInline, silent: boolean, pattern: RegExp): boolean {
  pattern.lastIndex = state.pos;
  const source = pattern.exec(state.src)?.[0];
  if (!source || state.pos + source.length > state.posMax) return false;
  if (!silent) state.push('raw_inline', '', 0).content = source;
  state.pos += source.length;
  return true;
}
