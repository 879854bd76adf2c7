import { type MarkSpec, type NodeSpec, Schema } from 'prosemirror-model';

const cell: NodeSpec = {
  content: 'paragraph',
  isolating: true,
  attrs: { colspan: { default: 1 }, rowspan: { default: 1 }, align: { default: null } },
};

/**
 * Yjs keeps the marks of text only. In a live document an image in a link, say, carries its marks in
 * this attribute instead (`carryMarks`); the normal form never has it.
 */
const carried = { marks: { default: null } };

const nodes = {
  doc: { content: 'block+' },
  paragraph: { content: 'inline*', group: 'block' },
  heading: {
    content: 'inline*',
    group: 'block',
    defining: true,
    attrs: { level: { default: 1 } },
  },
  blockquote: { content: 'block+', group: 'block', defining: true },
  bulletList: { content: 'listItem+', group: 'block list' },
  orderedList: {
    content: 'listItem+',
    group: 'block list',
    attrs: { start: { default: 1 } },
  },
  // `checked` makes a task of an item whose list also has others, or is numbered.
  listItem: {
    content: 'paragraph block*',
    defining: true,
    attrs: { checked: { default: null } },
  },
  taskList: { content: 'taskItem+', group: 'block list' },
  taskItem: {
    content: 'paragraph block*',
    defining: true,
    attrs: { checked: { default: false } },
  },
  codeBlock: {
    content: 'text*',
    marks: '',
    group: 'block',
    code: true,
    defining: true,
    attrs: { language: { default: null }, info: { default: '' } },
  },
  horizontalRule: { group: 'block' },
  table: { content: 'tableRow+', group: 'block', isolating: true, tableRole: 'table' },
  tableRow: { content: '(tableCell | tableHeader)*', tableRole: 'row' },
  tableHeader: { ...cell, tableRole: 'header_cell' },
  tableCell: { ...cell, tableRole: 'cell' },
  rawBlock: { group: 'block', atom: true, attrs: { source: { default: '' } } },
  image: {
    group: 'inline',
    inline: true,
    attrs: {
      src: { default: null },
      alt: { default: null },
      title: { default: null },
      ...carried,
    },
  },
  hardBreak: { group: 'inline', inline: true, attrs: carried },
  rawInline: {
    group: 'inline',
    inline: true,
    atom: true,
    attrs: { source: { default: '' }, ...carried },
  },
  text: { group: 'inline' },
} satisfies Record<string, NodeSpec>;

const marks = {
  link: { inclusive: false, attrs: { href: { default: null }, title: { default: null } } },
  bold: {},
  italic: {},
  strike: {},
  code: { code: true },
} satisfies Record<string, MarkSpec>;

export type NodeName = keyof typeof nodes;
export type MarkName = keyof typeof marks;

/** The one document model: what Markdown can hold, and nothing that it cannot. */
export const schema = new Schema<NodeName, MarkName>({ nodes, marks });

/** Mark names in the order in which the model lists them on a text. */
export const markOrder = Object.keys(marks) as MarkName[];
