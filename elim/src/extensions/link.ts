import { isAllowedUri, Link as TiptapLink } from '@tiptap/extension-link';
import { Plugin, PluginKey } from '@tiptap/pm/state';

/** How the application understands the addresses of links. */
export type Links = {
  /** Turns an address in the text into one that a browser can open. */
  resolve: (address: string) => string;
  /** Opens an address of the text. */
  open: (address: string, inNewTab: boolean) => void;
};

/** Without an application around it, a link opens in a new tab. */
export const openInTab: Links = {
  resolve: (address) => address,
  open: (address) => void window.open(address, '_blank', 'noopener,noreferrer'),
};

/**
 * A link has an address and a title, as in Markdown. A click opens it, with a modifier or
 * the middle button in a new tab. The view shows the resolved address, the document keeps its own.
 */
export const linkWith = (links: Links = openInTab) =>
  TiptapLink.extend({
    inclusive: false,
    addAttributes() {
      return { href: { default: null }, title: { default: null } };
    },
    addMarkView() {
      return ({ mark }) => {
        const dom = anchorOf(links, mark.attrs.href as string | null, mark.attrs.title);
        return { dom, contentDOM: dom };
      };
    },
    addProseMirrorPlugins() {
      return [...(this.parent?.() ?? []), opener(links)];
    },
  }).configure({
    openOnClick: false,
    autolink: true,
    // As on GitHub: an address with its protocol, `www.` or `@`. `README.md` is a file, not a host.
    shouldAutoLink: (address) => /^(?:https?:\/\/|www\.)|@/i.test(address),
    defaultProtocol: 'https',
    HTMLAttributes: { rel: 'noopener noreferrer nofollow', target: '_blank' },
  });

function anchorOf(links: Links, address: string | null, title: string | null): HTMLAnchorElement {
  const anchor = document.createElement('a');
  anchor.rel = 'noopener noreferrer nofollow';
  // Tells the application's router that the editor opens it.
  anchor.target = '_blank';
  anchor.dataset.address = address ?? '';
  if (title) anchor.title = title;
  if (isSafe(address)) anchor.href = links.resolve(address);
  return anchor;
}

const isSafe = (address: string | null): address is string =>
  Boolean(address && isAllowedUri(address));

/** Browsers follow no link in a text that can be edited. */
const opener = (links: Links) => {
  const open = (event: MouseEvent) => {
    const anchor = event.target instanceof Element && event.target.closest('a[data-address]');
    const address = anchor instanceof HTMLElement && anchor.dataset.address;
    if (!address || !isSafe(address) || event.button > 1) return false;
    event.preventDefault();
    links.open(address, event.button === 1 || event.ctrlKey || event.metaKey);
    return true;
  };
  return new Plugin({
    key: new PluginKey('openLink'),
    props: {
      handleDOMEvents: { click: (_, event) => open(event), auxclick: (_, event) => open(event) },
    },
  });
};
