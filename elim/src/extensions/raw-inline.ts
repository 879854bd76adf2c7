import { Node } from '@tiptap/core';
import { carried } from './image.ts';

/** Inline Markdown that the editor does not know: an HTML tag, a footnote's number, math. */
export const RawInline = Node.create({
  name: 'rawInline',
  group: 'inline',
  inline: true,
  atom: true,
  addAttributes() {
    return { source: { default: '', rendered: false }, ...carried };
  },
  parseHTML() {
    const source = (element: HTMLElement) => ({ source: element.textContent ?? '' });
    return [{ tag: 'code[data-raw-inline]', getAttrs: source, priority: 60 }];
  },
  renderHTML({ node }) {
    return ['code', { 'data-raw-inline': '', class: 'elim-raw-inline' }, String(node.attrs.source)];
  },
  renderText: ({ node }) => String(node.attrs.source),
});
