import { match } from './diff.ts';
import type { Node } from './model.ts';

/** A text that is not Markdown, as a document of one code block; lines end in LF inside. */
export function parseSource(text: string, language: string | null): { doc: Node } {
  const body = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const block: Node = { type: 'codeBlock', attrs: { language, info: '' } };
  if (body) block.content = [{ type: 'text', text: body }];
  return { doc: { type: 'doc', content: [block] } };
}

/** The text of such a document. Lines that did not change keep their own line ending. */
export function serializeSource(doc: Node, base = ''): string {
  const wanted = (doc.content ?? []).map(textOf).join('\n').split('\n');
  const old = [...base.replace(/^\ufeff/, '').matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)].map(
    ([, text, eol]) => ({ text: text!, eol: eol! }),
  );
  const usual = commonest(old.map((line) => line.eol).filter(Boolean)) ?? '\n';
  const endings = new Map(
    match(
      old.map((line) => line.text),
      wanted,
    ).map(([from, to]) => [to, old[from]!.eol]),
  );
  const lines = wanted.map((line, at) =>
    at < wanted.length - 1 ? line + (endings.get(at) || usual) : line,
  );
  return (base.startsWith('\ufeff') ? '\ufeff' : '') + lines.join('');
}

const textOf = (node: Node): string => node.text ?? (node.content ?? []).map(textOf).join('');

function commonest(values: string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
