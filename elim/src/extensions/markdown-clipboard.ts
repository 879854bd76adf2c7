import { type Node as MarkdownNode, parse, serialize } from '@kyozo/markdown';
import { Extension } from '@tiptap/core';
import {
  Fragment,
  type Node,
  type ResolvedPos,
  type Schema,
  Slice,
  type Slice as SliceType,
} from '@tiptap/pm/model';
import { Plugin, PluginKey } from '@tiptap/pm/state';

/** Plain text on the clipboard is Markdown: copied as such, and read as such when pasted. */
export const MarkdownClipboard = Extension.create({
  name: 'markdownClipboard',
  addProseMirrorPlugins() {
    const { schema } = this.editor;
    let isOwn = false;
    return [
      new Plugin({
        key: new PluginKey('markdownClipboard'),
        props: {
          clipboardTextSerializer: (slice, view) =>
            view.state.selection.$from.parent.type.spec.code ? plain(slice) : asMarkdown(slice),
          clipboardTextParser: (text, _context, isPlain) => {
            isOwn = false;
            const clean = text.replace(/\r\n?/g, '\n');
            return isPlain ? asParagraphs(clean, schema) : asDocument(clean, schema);
          },
          transformPastedHTML: (html) => {
            // A selection copied from an editor says itself where it is open.
            isOwn = html.includes('data-pm-slice');
            return html;
          },
          transformPasted: (slice, view) => {
            const { $from } = view.state.selection;
            if ($from.parent.type.spec.code || isTable(slice)) return slice;
            if (isInCell($from)) return inOneLine(slice, schema);
            return isOwn ? slice : closed(slice, $from);
          },
        },
      }),
    ];
  },
});

/** Without a slice ProseMirror drops empty lines. */
function asParagraphs(text: string, schema: Schema): SliceType {
  const { paragraph } = schema.nodes;
  const lines = text === '' ? [] : text.split(/\n+/);
  return Slice.maxOpen(
    Fragment.from(lines.map((line) => paragraph!.create(null, line ? schema.text(line) : null))),
  );
}

/** Markdown drops the spaces around a line, but part of a line pasted into another keeps its own. */
function asDocument(text: string, schema: Schema): SliceType {
  const [, before = '', line, after = ''] = /^([ \t]*)(\S|\S.*\S)([ \t]*)$/.exec(text) ?? [];
  const { content } = schema.nodeFromJSON(parse(line ?? text).doc);
  if (line === undefined || content.firstChild?.type.name !== 'paragraph')
    return Slice.maxOpen(content);
  const space = (chars: string) => Fragment.from(chars ? schema.text(chars) : null);
  const inline = space(before).append(content.firstChild.content).append(space(after));
  return Slice.maxOpen(Fragment.from(schema.nodes.paragraph!.create(null, inline)));
}

/** Cells alone are none: ProseMirror makes them of paragraphs that are pasted into a cell. */
const isTable = ({ content: { firstChild } }: SliceType): boolean =>
  /^(?:table|row)$/.test(String(firstChild?.type.spec.tableRole));

const isInCell = ($from: ResolvedPos): boolean =>
  /cell/.test(String($from.node(-1)?.type.spec.tableRole ?? ''));

/** A cell holds one line: lines of what is pasted into it are divided by line breaks. */
function inOneLine(slice: SliceType, schema: Schema): SliceType {
  let inline = Fragment.empty;
  const add = (part: Fragment) => {
    const gap = inline.size > 0 ? Fragment.from(schema.nodes.hardBreak!.create()) : Fragment.empty;
    inline = inline.append(gap).append(part);
  };
  slice.content.descendants((node) => {
    if (node.type.name === 'rawBlock') add(linesOf(String(node.attrs.source), schema));
    else if (node.type.spec.code) add(linesOf(node.textContent, schema));
    else if (node.isTextblock) add(node.content);
    return !node.isTextblock;
  });
  return inline.size > 0 ? new Slice(inline, 0, 0) : slice;
}

function linesOf(text: string, schema: Schema): Fragment {
  const lines = text.split('\n').filter(Boolean);
  return Fragment.from(
    lines.flatMap((line, at): Node[] =>
      at > 0 ? [schema.nodes.hardBreak!.create(), schema.text(line)] : [schema.text(line)],
    ),
  );
}

/** Only paragraphs melt into the text around them: the ends of other blocks are theirs. */
function closed(slice: SliceType, $from: ResolvedPos): SliceType {
  const { content, openStart, openEnd } = slice;
  const isList = content.childCount === 1 && content.firstChild!.type.isInGroup('list');
  const isEmptyItem =
    $from.parent.content.size === 0 && /Item$/.test($from.node(-1)?.type.name ?? '');
  // Items that are pasted into an empty item take its place.
  if (isList && isEmptyItem) return slice;
  const open = (node: Node | null, depth: number) =>
    node?.type.name === 'paragraph' ? Math.min(depth, 1) : 0;
  return new Slice(content, open(content.firstChild, openStart), open(content.lastChild, openEnd));
}

const plain = (slice: SliceType): string => slice.content.textBetween(0, slice.content.size, '\n');

function asMarkdown(slice: SliceType): string {
  const nodes = slice.content.toJSON() as MarkdownNode[] | null;
  const [first] = nodes ?? [];
  if (!first) return '';
  const wrapped = wrap(nodes!, first);
  return serialize({ type: 'doc', content: wrapped }).trimEnd();
}

/** A selection may start inside a list or a table: the slice then lacks what stands around it. */
function wrap(nodes: MarkdownNode[], first: MarkdownNode): MarkdownNode[] {
  if (first.type === 'listItem') return [{ type: 'bulletList', content: nodes }];
  if (first.type === 'taskItem') return [{ type: 'taskList', content: nodes }];
  if (first.type === 'tableRow') return [{ type: 'table', content: nodes }];
  if (first.type === 'tableCell' || first.type === 'tableHeader')
    return [{ type: 'table', content: [{ type: 'tableRow', content: nodes }] }];
  const inline = ['text', 'image', 'hardBreak', 'rawInline'].includes(first.type);
  return inline ? [{ type: 'paragraph', content: nodes }] : nodes;
}
