import { Code as TiptapCode } from '@tiptap/extension-code';

/** Code that may be bold or a link, as Markdown allows. */
export const Code = TiptapCode.extend({ excludes: 'code' });
