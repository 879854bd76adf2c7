import { isMarkdown, parseSource } from '@kyozo/markdown';
import * as Y from 'yjs';
import { field } from './document-text.ts';

/**
 * A path of the kind that a document was made for: the file may have been renamed since, from Markdown
 * to source or back, and a document of one kind written as the other would be another text.
 * @param document in the state of exactly `text`
 */
export function pathOfKind(document: Y.Doc, path: string, text: string): string {
  if (isMarkdown(path) === !holdsSource(document, text)) return path;
  return isMarkdown(path) ? 'source' : 'markdown.md';
}

/** Source is one block of code that holds all of the text; Markdown's block of code has its fences. */
function holdsSource(document: Y.Doc, text: string): boolean {
  const [only, ...others] = document.getXmlFragment(field).toArray();
  if (!(only instanceof Y.XmlElement) || only.nodeName !== 'codeBlock' || others.length > 0)
    return false;
  const held = only.toArray().map((part) => (part instanceof Y.XmlText ? part.toString() : ''));
  const wanted = parseSource(text, null).doc.content![0]!.content?.[0]?.text ?? '';
  return held.join('') === wanted;
}
