import type { Editor } from '@tiptap/core';
import {
  TableRow,
  TableCell as TiptapCell,
  TableHeader as TiptapHeader,
  Table as TiptapTable,
} from '@tiptap/extension-table';
import { selectedRect } from '@tiptap/pm/tables';

export { TableRow };

export type Align = 'left' | 'center' | 'right' | null;

const cellAttributes = {
  colspan: { default: 1 },
  rowspan: { default: 1 },
  align: {
    default: null,
    parseHTML: (cell: HTMLElement) => cell.style.textAlign || cell.getAttribute('align') || null,
    renderHTML: ({ align }: { align?: Align }) => (align ? { style: `text-align: ${align}` } : {}),
  },
};

/** A cell holds one line, as in Markdown. */
export const TableCell = TiptapCell.extend({
  content: 'paragraph',
  addAttributes: () => cellAttributes,
});

export const TableHeader = TiptapHeader.extend({
  content: 'paragraph',
  addAttributes: () => cellAttributes,
});

export const Table = TiptapTable.extend({
  addKeyboardShortcuts() {
    return { ...this.parent?.(), Enter: ({ editor }) => goBelow(editor) };
  },
}).configure({ resizable: false, renderWrapper: true });

/** Enter goes to the cell below and makes a row where there is none. */
function goBelow(editor: Editor): boolean {
  if (!editor.isActive('table')) return false;
  const { map, top, left, tableStart } = selectedRect(editor.state);
  if (top + 1 >= map.height && !editor.commands.addRowAfter()) return false;
  const below = selectedRect(editor.state);
  const cell = below.map.map[(top + 1) * below.map.width + left]!;
  return editor.commands.setTextSelection(tableStart + cell + 2);
}

/** Aligns the whole column: Markdown knows no other alignment. */
export function alignColumn(editor: Editor, align: Align): boolean {
  return editor.commands.command(({ state, tr }) => {
    const { map, left, right, tableStart } = selectedRect(state);
    for (const at of map.cellsInRect({ left, right, top: 0, bottom: map.height }))
      tr.setNodeAttribute(tableStart + at, 'align', align);
    return true;
  });
}
