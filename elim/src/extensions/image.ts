import { mergeAttributes } from '@tiptap/core';
import { Image as TiptapImage } from '@tiptap/extension-image';

/** What Yjs would drop of an inline part; see `carryMarks` in @kyozo/markdown. */
export const carried = { marks: { default: null, rendered: false } };

/** Turns an address in the text into one that the browser can load. */
export type ResolveUrl = (url: string) => string;

/** An image in a line of text. */
export const imageWith = (resolve: ResolveUrl) =>
  TiptapImage.extend({
    addAttributes() {
      return {
        src: {
          default: null,
          parseHTML: (image) => image.dataset.src ?? image.getAttribute('src'),
        },
        alt: { default: null },
        title: { default: null },
        ...carried,
      };
    },
    renderHTML({ HTMLAttributes }) {
      const src = String(HTMLAttributes.src ?? '');
      const address = { src: resolve(src), 'data-src': src, loading: 'lazy' };
      return ['img', mergeAttributes(this.options.HTMLAttributes, HTMLAttributes, address)];
    },
  }).configure({ inline: true });
