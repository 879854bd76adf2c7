import { Code as TiptapCode } from '@tiptap/extension-code';
import { Link as TiptapLink } from '@tiptap/extension-link';

/** Code that may be bold or a link, as Markdown allows. A new line does not begin with it. */
export const Code = TiptapCode.extend({ excludes: 'code', keepOnSplit: false });

/** A link of an address and a title: all that Markdown knows of it. */
export const Link = TiptapLink.extend({
  inclusive: false,
  addAttributes() {
    return { href: { default: null }, title: { default: null } };
  },
}).configure({
  openOnClick: false,
  autolink: true,
  // As on GitHub: an address with its protocol, `www.` or `@`. `README.md` is a file, not a host.
  shouldAutoLink: (address) => /^(?:https?:\/\/|www\.)|@/i.test(address),
  defaultProtocol: 'https',
  HTMLAttributes: { rel: 'noopener noreferrer nofollow', target: '_blank' },
});
