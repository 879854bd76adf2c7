import type { Editor } from '@tiptap/core';
import { Fragment } from '@tiptap/pm/model';
import { TextSelection } from '@tiptap/pm/state';
import { type Align, alignColumn } from './extensions/table.ts';

export type Group = 'history' | 'mark' | 'block' | 'list' | 'insert' | 'table' | 'move';

/** One thing the editor can do, whoever asks: toolbar, bubble menu, slash menu or a key. */
export type Command = {
  id: string;
  label: string;
  group: Group;
  /** A name in `shadcn/Icon.svelte`. */
  icon: string;
  shortcut?: string;
  /** More words by which the slash menu finds it. */
  words?: string;
  isActive?(editor: Editor): boolean;
  isEnabled?(editor: Editor): boolean;
  run(editor: Editor): boolean;
};

/** Every command of the editor. */
export const commands: readonly Command[] = [
  {
    id: 'undo',
    label: 'Undo',
    group: 'history',
    icon: 'undo',
    shortcut: 'Mod-z',
    isEnabled: (editor) => editor.can().undo(),
    // Right after a shortcut of Markdown, undo gives back its signs.
    run: (editor) => editor.commands.undoInputRule() || editor.commands.undo(),
  },
  {
    id: 'redo',
    label: 'Redo',
    group: 'history',
    icon: 'redo',
    shortcut: 'Shift-Mod-z',
    isEnabled: (editor) => editor.can().redo(),
    run: (editor) => editor.commands.redo(),
  },
  mark('bold', 'Bold', 'Mod-b'),
  mark('italic', 'Italic', 'Mod-i'),
  mark('strike', 'Strikethrough', 'Mod-Shift-s'),
  mark('code', 'Code', 'Mod-e'),
  {
    id: 'paragraph',
    label: 'Text',
    group: 'block',
    icon: 'text',
    shortcut: 'Mod-Alt-0',
    words: 'paragraph plain',
    isActive: (editor) => editor.isActive('paragraph'),
    run: (editor) => editor.chain().focus().setParagraph().run(),
  },
  heading(1, 'Heading 1', 'title'),
  heading(2, 'Heading 2', 'section'),
  heading(3, 'Heading 3', 'subsection'),
  {
    id: 'blockquote',
    label: 'Quote',
    group: 'block',
    icon: 'quote',
    shortcut: 'Mod-Shift-b',
    words: 'citation',
    isActive: (editor) => editor.isActive('blockquote'),
    run: (editor) => editor.chain().focus().toggleBlockquote().run(),
  },
  {
    id: 'codeBlock',
    label: 'Code block',
    group: 'block',
    icon: 'code-block',
    shortcut: 'Mod-Alt-c',
    words: 'cell run fence',
    isActive: (editor) => editor.isActive('codeBlock'),
    run: (editor) => editor.chain().focus().toggleCodeBlock().run(),
  },
  {
    id: 'bulletList',
    label: 'Bulleted list',
    group: 'list',
    icon: 'bullets',
    shortcut: 'Mod-Shift-8',
    words: 'unordered',
    isActive: (editor) => editor.isActive('bulletList'),
    run: (editor) => editor.chain().focus().toggleBulletList().run(),
  },
  {
    id: 'orderedList',
    label: 'Numbered list',
    group: 'list',
    icon: 'numbers',
    shortcut: 'Mod-Shift-7',
    words: 'ordered',
    isActive: (editor) => editor.isActive('orderedList'),
    run: (editor) => editor.chain().focus().toggleOrderedList().run(),
  },
  {
    id: 'taskList',
    label: 'Task list',
    group: 'list',
    icon: 'tasks',
    shortcut: 'Mod-Shift-9',
    words: 'todo checkbox',
    isActive: (editor) => editor.isActive('taskList'),
    run: (editor) => editor.chain().focus().toggleTaskList().run(),
  },
  {
    id: 'table',
    label: 'Table',
    group: 'insert',
    icon: 'table',
    words: 'grid rows columns',
    isEnabled: (editor) => !editor.isActive('table'),
    run: (editor) =>
      editor.chain().focus().insertTable({ rows: 3, cols: 3, withHeaderRow: true }).run(),
  },
  {
    id: 'horizontalRule',
    label: 'Divider',
    group: 'insert',
    icon: 'divider',
    words: 'rule line separator',
    run: (editor) => editor.chain().focus().setHorizontalRule().run(),
  },
  {
    id: 'rawBlock',
    label: 'Raw Markdown',
    group: 'insert',
    icon: 'raw',
    words: 'html math footnote source',
    run: (editor) =>
      editor
        .chain()
        .focus()
        .insertContent({ type: 'rawBlock', attrs: { source: '<div>\n</div>' } })
        .run(),
  },
  table('rowAbove', 'Insert row above', 'row-above', (editor) => editor.commands.addRowBefore()),
  table('rowBelow', 'Insert row below', 'row-below', (editor) => editor.commands.addRowAfter()),
  table('columnBefore', 'Insert column before', 'column-before', (editor) =>
    editor.commands.addColumnBefore(),
  ),
  table('columnAfter', 'Insert column after', 'column-after', (editor) =>
    editor.commands.addColumnAfter(),
  ),
  align('left', 'Align column left'),
  align('center', 'Align column centre'),
  align('right', 'Align column right'),
  table('deleteRow', 'Delete row', 'delete-row', (editor) => editor.commands.deleteRow()),
  table('deleteColumn', 'Delete column', 'delete-column', (editor) =>
    editor.commands.deleteColumn(),
  ),
  table('deleteTable', 'Delete table', 'trash', (editor) => editor.commands.deleteTable()),
  {
    id: 'moveUp',
    label: 'Move block up',
    group: 'move',
    icon: 'up',
    shortcut: 'Alt-Shift-ArrowUp',
    run: (editor) => moveBlock(editor, -1),
  },
  {
    id: 'moveDown',
    label: 'Move block down',
    group: 'move',
    icon: 'down',
    shortcut: 'Alt-Shift-ArrowDown',
    run: (editor) => moveBlock(editor, 1),
  },
];

/** The commands of some groups, in the order of the table. */
export const commandsOf = (...groups: Group[]): Command[] =>
  commands.filter((command) => groups.includes(command.group));

/** Blocks, lists and insertions whose name or words have a part that starts with the query. */
export function findCommands(
  query: string,
  editor: Editor,
  more: readonly Command[] = [],
): Command[] {
  const wanted = query.toLowerCase();
  const offered = [...more, ...commandsOf('block', 'list', 'insert')];
  return offered.filter((command) => {
    const words = `${command.label} ${command.words ?? ''}`.toLowerCase();
    const found =
      words.startsWith(wanted) || words.split(' ').some((word) => word.startsWith(wanted));
    return found && (command.isEnabled?.(editor) ?? true);
  });
}

/** A shortcut as people of this platform read it: `⌘B` or `Ctrl+B`. */
export function shortcutLabel(shortcut: string, isMac: boolean): string {
  const names: Record<string, string> = isMac
    ? { Mod: '⌘', Shift: '⇧', Alt: '⌥', ArrowUp: '↑', ArrowDown: '↓' }
    : { Mod: 'Ctrl', ArrowUp: '↑', ArrowDown: '↓' };
  const order = ['Mod', 'Alt', 'Shift'];
  const keys = shortcut
    .split('-')
    .sort((a, b) => ((order.indexOf(a) + 9) % 9) - ((order.indexOf(b) + 9) % 9));
  const parts = keys.map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key));
  return parts.join(isMac ? '' : '+');
}

function mark(
  type: 'bold' | 'italic' | 'strike' | 'code',
  label: string,
  shortcut: string,
): Command {
  return {
    id: type,
    label,
    group: 'mark',
    icon: type,
    shortcut,
    isActive: (editor) => editor.isActive(type),
    isEnabled: (editor) => !editor.isActive('codeBlock'),
    run: (editor) => editor.chain().focus().toggleMark(type).run(),
  };
}

function heading(level: 1 | 2 | 3, label: string, words: string): Command {
  return {
    id: `heading${level}`,
    label,
    group: 'block',
    icon: `heading-${level}`,
    shortcut: `Mod-Alt-${level}`,
    words,
    isActive: (editor) => editor.isActive('heading', { level }),
    run: (editor) => editor.chain().focus().toggleHeading({ level }).run(),
  };
}

function table(id: string, label: string, icon: string, run: (editor: Editor) => boolean): Command {
  return { id, label, group: 'table', icon, isEnabled: (editor) => editor.isActive('table'), run };
}

function align(side: Align & string, label: string): Command {
  const isActive = (editor: Editor) =>
    editor.isActive('tableCell', { align: side }) ||
    editor.isActive('tableHeader', { align: side });
  return {
    ...table(`align-${side}`, label, `align-${side}`, (editor) =>
      alignColumn(editor, isActive(editor) ? null : side),
    ),
    isActive,
  };
}

/** Swaps the top-level block at the caret with the one before or after it. */
function moveBlock(editor: Editor, step: -1 | 1): boolean {
  return editor.commands.command(({ tr, dispatch }) => {
    const { $from } = tr.selection;
    const index = $from.index(0);
    const other = tr.doc.maybeChild(index + step);
    const block = tr.doc.maybeChild(index);
    if (!other || !block) return false;
    const from = $from.posAtIndex(index, 0);
    const offset = tr.selection.from - from;
    if (dispatch) {
      const start = step < 0 ? from - other.nodeSize : from;
      const pair = step < 0 ? [block, other] : [other, block];
      tr.replaceWith(start, start + block.nodeSize + other.nodeSize, Fragment.from(pair));
      const moved = (step < 0 ? start : start + other.nodeSize) + offset;
      tr.setSelection(TextSelection.near(tr.doc.resolve(moved))).scrollIntoView();
    }
    return true;
  });
}
