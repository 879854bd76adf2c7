import { mergeAttributes } from '@tiptap/core';
import { Image as TiptapImage } from '@tiptap/extension-image';

/** What Yjs would drop of an inline part; see `carryMarks` in @kyozo/markdown. */
export const carried = { marks: { default: null, rendered: false } };

/** Turns an address in the text into one that the browser can load. */
export type ResolveUrl = (url: string) => string;

/** The other host that an address would be asked of; undefined for our own, and for what is in the page. */
export function hostOf(address: string, own = location): string | undefined {
  const url = URL.canParse(address, own.href) ? new URL(address, own.href) : undefined;
  return url && /^https?:$/.test(url.protocol) && url.host !== own.host ? url.host : undefined;
}

function imageOf(
  src: string,
  resolve: ResolveUrl,
  alt: string | null,
  title: string | null,
): HTMLImageElement {
  const image = document.createElement('img');
  image.loading = 'lazy';
  image.referrerPolicy = 'no-referrer';
  image.dataset.src = src;
  image.alt = alt ?? '';
  if (title) image.title = title;
  image.src = resolve(src);
  return image;
}

/** Stands for an image of another host, which would learn who reads the document, until it is asked for. */
function placeholder(host: string, alt: string | null, image: () => HTMLElement): HTMLElement {
  const dom = document.createElement('span');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'elim-foreign-image';
  button.textContent = alt ? `${alt} · Show image from ${host}` : `Show image from ${host}`;
  button.addEventListener('click', () => dom.replaceChildren(image()));
  dom.append(button);
  return dom;
}

/** An image in a line of text. Images of other hosts are loaded by a click only. */
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
    addNodeView() {
      return ({ node }) => {
        const { src, alt, title } = node.attrs as Record<'src' | 'alt' | 'title', string | null>;
        const image = () => imageOf(src ?? '', resolve, alt, title);
        const host = hostOf(resolve(src ?? ''));
        return { dom: host === undefined ? image() : placeholder(host, alt, image) };
      };
    },
  }).configure({ inline: true });
