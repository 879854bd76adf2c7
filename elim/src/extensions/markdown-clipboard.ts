import { type Node as MarkdownNode, parse, serialize } from '@kyozo/markdown';
import { Extension } from '@tiptap/core';
import { Fragment, type Node, Slice, type Slice as SliceType } from '@tiptap/pm/model';
import { Plugin, PluginKey } from '@tiptap/pm/state';

/** Plain text on the clipboard is Markdown: copied as such, and read as such when pasted. */
export const MarkdownClipboard = Extension.create({
  name: 'markdownClipboard',
  addProseMirrorPlugins() {
    const { schema } = this.editor;
    return [
      new Plugin({
        key: new PluginKey('markdownClipboard'),
        props: {
          clipboardTextSerializer: (slice, view) =>
            view.state.selection.$from.parent.type.spec.code ? plain(slice) : asMarkdown(slice),
          clipboardTextParser: (text, $context, isPlain) => {
            // Without a slice ProseMirror falls back to plain paragraphs and plain code.
            if (isPlain || $context.parent.type.spec.code) return plainSlice(text, $context.parent);
            const doc = schema.nodeFromJSON(parse(text.replace(/\r\n?/g, '\n')).doc);
            return Slice.maxOpen(doc.content);
          },
        },
      }),
    ];

    function plainSlice(text: string, parent: Node): SliceType {
      const clean = text.replace(/\r\n?/g, '\n');
      if (clean === '') return Slice.empty;
      if (parent.type.spec.code) return new Slice(Fragment.from(schema.text(clean)), 0, 0);
      const paragraphs = clean
        .split(/\n+/)
        .map((line) => schema.nodes.paragraph!.create(null, line ? schema.text(line) : null));
      return Slice.maxOpen(Fragment.from(paragraphs));
    }
  },
});

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
