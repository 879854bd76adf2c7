import {
  ListItem,
  TaskList,
  OrderedList as TiptapOrderedList,
  TaskItem as TiptapTaskItem,
} from '@tiptap/extension-list';

export { ListItem, TaskList };

/** A numbered list; Markdown keeps where it starts and nothing of its numerals. */
export const OrderedList = TiptapOrderedList.extend({
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
