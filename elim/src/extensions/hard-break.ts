import { HardBreak as TiptapHardBreak } from '@tiptap/extension-hard-break';
import { carried } from './image.ts';

/** A line break in a paragraph. */
export const HardBreak = TiptapHardBreak.extend({
  addAttributes() {
    return carried;
  },
});
