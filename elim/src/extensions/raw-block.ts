import { Node } from '@tiptap/core';
import type { Node as ProseMirrorNode } from '@tiptap/pm/model';
import type { NodeView, ViewMutationRecord } from '@tiptap/pm/view';

/** Markdown that the editor does not know, shown as its source and editable as such. */
export const RawBlock = Node.create({
  name: 'rawBlock',
  group: 'block',
  atom: true,
  selectable: true,
  addAttributes() {
    return { source: { default: '', rendered: false } };
  },
  parseHTML() {
    const source = (block: HTMLElement) => ({ source: block.textContent ?? '' });
    return [{ tag: 'pre[data-raw-block]', getAttrs: source, priority: 60 }];
  },
  renderHTML({ node }) {
    return ['pre', { 'data-raw-block': '' }, String(node.attrs.source)];
  },
  renderText: ({ node }) => String(node.attrs.source),
  addNodeView() {
    return ({ node, editor, getPos }) =>
      new RawBlockView(node, {
        isEditable: () => editor.isEditable,
        change: (source) => {
          const at = getPos();
          if (at !== undefined)
            editor.view.dispatch(editor.state.tr.setNodeAttribute(at, 'source', source));
        },
        leave: () => editor.commands.focus((getPos() ?? 0) + 1),
      });
  },
});

type Host = { isEditable(): boolean; change(source: string): void; leave(): void };

class RawBlockView implements NodeView {
  dom = document.createElement('div');
  #label = document.createElement('div');
  #text = document.createElement('textarea');

  constructor(node: ProseMirrorNode, host: Host) {
    this.dom.className = 'elim-raw';
    this.dom.contentEditable = 'false';
    this.#label.className = 'elim-raw-label';
    this.#text.spellcheck = false;
    this.#text.rows = 1;
    this.#text.addEventListener('focus', () => {
      this.#text.readOnly = !host.isEditable();
    });
    this.#text.addEventListener('input', () => host.change(this.#text.value));
    this.#text.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') host.leave();
    });
    this.dom.append(this.#label, this.#text);
    this.update(node);
  }

  update(node: ProseMirrorNode): boolean {
    if (node.type.name !== 'rawBlock') return false;
    const source = String(node.attrs.source);
    const kind = kindOf(source);
    this.#label.textContent = kind;
    this.#text.setAttribute('aria-label', `${kind} source`);
    if (this.#text.value !== source) this.#text.value = source;
    this.#text.rows = source.split('\n').length;
    return true;
  }

  selectNode(): void {
    this.dom.classList.add('is-selected');
  }

  deselectNode(): void {
    this.dom.classList.remove('is-selected');
  }

  stopEvent(event: Event): boolean {
    return event.target === this.#text;
  }

  ignoreMutation(_: ViewMutationRecord): boolean {
    return true;
  }
}

function kindOf(source: string): string {
  if (/^(?:---|\+\+\+)\s*\n/.test(source)) return 'Front matter';
  if (source.startsWith('<!--')) return 'Comment';
  if (source.startsWith('[^')) return 'Footnote';
  if (source.startsWith('[')) return 'Link definitions';
  if (source.startsWith('$$')) return 'Math';
  if (source.startsWith(':::')) return 'Directive';
  return source.startsWith('<') ? 'HTML' : 'Markdown';
}
