import { mergeAttributes } from '@tiptap/core';
import { Image as TiptapImage } from '@tiptap/extension-image';

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
      };
    },
    renderHTML({ HTMLAttributes }) {
      const src = String(HTMLAttributes.src ?? '');
      const address = { src: resolve(src), 'data-src': src, loading: 'lazy' };
      return ['img', mergeAttributes(this.options.HTMLAttributes, HTMLAttributes, address)];
    },
  }).configure({ inline: true });
