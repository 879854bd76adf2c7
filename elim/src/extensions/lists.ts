import type { CommandProps, Editor } from '@tiptap/core';
import {
  TaskList,
  ListItem as TiptapListItem,
  OrderedList as TiptapOrderedList,
  TaskItem as TiptapTaskItem,
} from '@tiptap/extension-list';

import { ItemView } from './item-view.ts';

export { TaskList };

/** An item of a list. In a list that is not made of tasks alone `checked` says which items are tasks. */
export const ListItem = TiptapListItem.extend({
  addAttributes() {
    return {
      checked: {
        default: null,
        parseHTML: (item) => (item.dataset.task ? item.dataset.task === 'done' : null),
        renderHTML: ({ checked }) =>
          checked === null ? {} : { 'data-task': checked ? 'done' : 'open' },
      },
    };
  },
  addKeyboardShortcuts() {
    return { ...this.parent?.(), Enter: ({ editor }) => splitItem(editor) };
  },
  addNodeView() {
    return ({ node, editor, getPos }) => new ItemView(node, editor, getPos);
  },
});

/** A numbered list; Markdown keeps where it starts and nothing of its numerals. */
export const OrderedList = TiptapOrderedList.extend({
  // Tiptap's own rule would read pasted numbers instead of our Markdown parser.
  addProseMirrorPlugins: () => [],
  addAttributes() {
    return {
      start: {
        default: 1,
        parseHTML: (list) => Number.parseInt(list.getAttribute('start') ?? '1', 10) || 1,
      },
    };
  },
});

export const TaskItem = TiptapTaskItem.extend({ content: 'paragraph block*' }).configure({
  nested: true,
});

/** The item that Enter makes after a task is a task that is not done. */
function splitItem(editor: Editor): boolean {
  const isEmpty = editor.state.selection.$from.parent.content.size === 0;
  const reopen = ({ tr }: CommandProps) => {
    const { $from } = tr.selection;
    const isDone = $from.node(-1)?.attrs.checked === true;
    if (isDone && !isEmpty) tr.setNodeAttribute($from.before(-1), 'checked', false);
    return true;
  };
  return editor.chain().splitListItem('listItem').command(reopen).run();
}
