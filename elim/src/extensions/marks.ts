import { Code as TiptapCode } from '@tiptap/extension-code';

/** Code that may be bold or a link, as Markdown allows. A new line does not begin with it. */
export const Code = TiptapCode.extend({ excludes: 'code', keepOnSplit: false });
