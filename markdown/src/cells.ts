import { splitInfo } from './model.ts';
import { blocksOnly } from './syntax.ts';

/** A fenced block of code that may be run. */
export type Cell = {
  /** Index among all code blocks of the document, as the editor counts them. */
  position: number;
  language: string | null;
  /** The info string after the language. */
  info: string;
  attributes: Record<string, string>;
  name: string;
  isNameGenerated: boolean;
  source: string;
  /** String offsets of the whole block, fences included. */
  from: number;
  to: number;
};

/** Every fenced block of a Markdown text, in order, those in lists and quotes too. */
export function cells(text: string): Cell[] {
  const skipped = text.startsWith('\ufeff') ? 1 : 0;
  const starts = lineStarts(text);
  const names = new Map<string, number>();
  const out: Cell[] = [];
  let position = -1;
  for (const token of blocksOnly.parse(text.slice(skipped), {})) {
    if (token.type === 'code_block' || token.type === 'fence') position++;
    if (token.type !== 'fence') continue;
    const { language, info } = splitInfo(token.info);
    const attributes = parseAttributes(info);
    const source = token.content.replace(/\n$/, '');
    const name = unique(attributes.name || generatedName(source), names);
    const [first, end] = token.map!;
    out.push({
      position,
      language,
      info,
      attributes,
      name,
      source,
      isNameGenerated: !attributes.name,
      from: starts[first]! + (first === 0 ? skipped : 0),
      to: endOf(text, starts, end),
    });
  }
  return out;
}

/** The attributes in an info string: `{ name=build cwd=.. }` or `{"name":"build"}`. */
export function parseAttributes(info: string): Record<string, string> {
  const open = info.search(/\{(?!\})/);
  const close = info.indexOf('}', open);
  if (open < 0 || close < 0) return {};
  const body = info.slice(open, close + 1);
  return fromJson(body) ?? fromPairs(body.slice(1, -1));
}

function fromJson(body: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return Object.fromEntries(
      Object.entries(value as Record<string, unknown>).map(([name, one]) => [
        name,
        typeof one === 'string' ? one : JSON.stringify(one),
      ]),
    );
  } catch {
    return undefined;
  }
}

function fromPairs(body: string): Record<string, string> {
  const pairs = body
    .split(' ')
    .map((pair) => pair.trim())
    .filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** A name from the first line that is not a comment: `npm run build` is `npm-run`. */
function generatedName(source: string): string {
  const lines = source.split('\n').map((line) => line.trim().replace(/^\$\s+/, ''));
  const line = lines.find((one) => one !== '' && !one.startsWith('#')) ?? lines.find(Boolean) ?? '';
  const equals = line.indexOf('=');
  const head = (equals > 0 ? line.slice(0, equals) : line).slice(0, 32);
  const words = head.split(' ').slice(0, 2).join(' ').toLowerCase();
  return (
    words
      .replace(/[^a-z0-9 ]/g, '')
      .trim()
      .replace(/ +/g, '-') || 'cell'
  );
}

function unique(name: string, names: Map<string, number>): string {
  let count = names.get(name) ?? 0;
  let result = name;
  do result = ++count === 1 ? name : `${name}-${count}`;
  while (names.has(result));
  names.set(name, count).set(result, Math.max(names.get(result) ?? 0, 1));
  return result;
}

function lineStarts(text: string): number[] {
  return [0, ...Array.from(text.matchAll(/\r\n?|\n/g), (match) => match.index + match[0].length)];
}

/** The end of the line before `line`, without its line break and blank lines. */
function endOf(text: string, starts: number[], line: number): number {
  let end = starts[line] ?? text.length;
  while (end > 0 && /[\r\n]/.test(text[end - 1]!)) end--;
  return end;
}
