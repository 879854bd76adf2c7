import { parseAttributes } from '@kyozo/markdown';
import { type Editor, mergeAttributes } from '@tiptap/core';
import { CodeBlock } from '@tiptap/extension-code-block';
import type { Node } from '@tiptap/pm/model';
import { Plugin, PluginKey } from '@tiptap/pm/state';
import type { NodeView, ViewMutationRecord } from '@tiptap/pm/view';

/** The places in a cell's frame that belong to the application. */
export type CellSlots = { gutter: HTMLElement; outputs: HTMLElement };

/** What the application shows in one cell. */
export type MountedCell = {
  /** The cell is now the `position`th code block of the document, in this language. */
  update(cell: { position: number; language: string | null; name: string | null }): void;
  destroy(): void;
};

/** How the application runs cells. Positions count the document's code blocks from 0. */
export type Cells = {
  run(position: number): void;
  view(position: number, slots: CellSlots): MountedCell;
};

type CellOptions = { cells: Cells | undefined; languages: readonly string[] };

const positionsKey = new PluginKey('cellPositions');

/** A code block with its language, room for a run control, and room for outputs. */
export const cellWith = ({ cells, languages }: CellOptions) =>
  CodeBlock.extend({
    addAttributes() {
      return {
        ...this.parent?.(),
        info: {
          default: '',
          parseHTML: (block) => block.dataset.info ?? '',
          renderHTML: ({ info }) => (info ? { 'data-info': info } : {}),
        },
      };
    },
    renderHTML({ node, HTMLAttributes }) {
      const language = node.attrs.language ? `language-${node.attrs.language}` : null;
      return ['pre', mergeAttributes(HTMLAttributes), ['code', { class: language }, 0]];
    },
    addKeyboardShortcuts() {
      return {
        ...this.parent?.(),
        'Mod-Enter': ({ editor }) => runCell(editor, cells),
        'Mod-a': ({ editor }) => selectCell(editor),
      };
    },
    addNodeView() {
      return ({ node, editor, getPos }) =>
        new CellView(node, {
          cells,
          languages,
          isEditable: () => editor.isEditable,
          position: () => positionOf(editor, getPos() ?? 0),
          setLanguage: (language) => {
            const at = getPos();
            if (at === undefined) return;
            editor.view.dispatch(editor.state.tr.setNodeAttribute(at, 'language', language));
            editor.commands.focus();
          },
        });
    },
    addProseMirrorPlugins() {
      return [...(this.parent?.() ?? []), positions()];
    },
  }).configure({ enableTabIndentation: true, tabSize: 2 });

function runCell(editor: Editor, cells: Cells | undefined): boolean {
  const { $from } = editor.state.selection;
  if (!cells || $from.parent.type.name !== 'codeBlock') return false;
  cells.run(positionOf(editor, $from.before()));
  return true;
}

/** Selects the text of a cell. Where all of it is selected, the key is left to select the document. */
function selectCell(editor: Editor): boolean {
  const { $from, $to, from, to, empty } = editor.state.selection;
  if ($from.parent.type.name !== 'codeBlock' || !$from.sameParent($to)) return false;
  const [start, end] = [$from.start(), $from.end()];
  const hasAll = !empty && from === start && to === end;
  return !hasAll && editor.commands.setTextSelection({ from: start, to: end });
}

/** Which code block of the document stands at `at`. */
function positionOf(editor: Editor, at: number): number {
  let position = 0;
  editor.state.doc.nodesBetween(0, at, (node, start) => {
    if (node.type.name === 'codeBlock' && start < at) position++;
    return !node.isTextblock;
  });
  return position;
}

/** Tells cells of their new places once typing pauses: a walk over the document at every key is too much. */
function positions(): Plugin {
  return new Plugin({
    key: positionsKey,
    view: () => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      return {
        update: (view, before) => {
          if (view.state.doc.eq(before.doc)) return;
          clearTimeout(timer);
          timer = setTimeout(() => {
            let position = 0;
            for (const dom of view.dom.querySelectorAll('.elim-cell'))
              CellView.of(dom)?.moveTo(position++);
          }, 120);
        },
        destroy: () => clearTimeout(timer),
      };
    },
  });
}

type Host = {
  cells: Cells | undefined;
  languages: readonly string[];
  isEditable(): boolean;
  position(): number;
  setLanguage(language: string | null): void;
};

const views = new WeakMap<Element, CellView>();

class CellView implements NodeView {
  dom = element('div', 'elim-cell');
  contentDOM = document.createElement('code');
  #gutter = element('div', 'elim-cell-gutter');
  #language = document.createElement('input');
  #name = element('span', 'elim-cell-name');
  #outputs = element('div', 'elim-cell-outputs');
  #node: Node;
  #mounted: MountedCell | undefined;
  #position: number | undefined;

  static of(dom: Element): CellView | undefined {
    return views.get(dom);
  }

  constructor(node: Node, host: Host) {
    this.#node = node;
    views.set(this.dom, this);
    const head = element('div', 'elim-cell-head');
    head.append(this.#language, this.#name);
    const pre = document.createElement('pre');
    pre.append(this.contentDOM);
    const body = element('div', 'elim-cell-body');
    body.append(head, pre);
    for (const part of [this.#gutter, head, this.#outputs]) part.contentEditable = 'false';
    this.dom.append(this.#gutter, body, this.#outputs);
    this.#setUpLanguage(host);
    this.#show();
    // The node has a position only when the view is in the document.
    queueMicrotask(() => {
      if (!host.cells || !views.has(this.dom)) return;
      const slots = { gutter: this.#gutter, outputs: this.#outputs };
      this.#position = host.position();
      this.#mounted = host.cells.view(this.#position, slots);
      this.#tell();
    });
  }

  moveTo(position: number): void {
    if (position === this.#position) return;
    this.#position = position;
    this.#tell();
  }

  update(node: Node): boolean {
    if (node.type !== this.#node.type) return false;
    const same = this.#node.sameMarkup(node);
    this.#node = node;
    if (!same) {
      this.#show();
      this.#tell();
    }
    return true;
  }

  stopEvent(event: Event): boolean {
    const target = event.target as globalThis.Node;
    return [this.#gutter, this.#language, this.#outputs].some((part) => part.contains(target));
  }

  ignoreMutation(mutation: ViewMutationRecord): boolean {
    return !this.contentDOM.contains(mutation.target);
  }

  destroy(): void {
    views.delete(this.dom);
    this.#mounted?.destroy();
  }

  #setUpLanguage(host: Host): void {
    const input = this.#language;
    input.className = 'elim-cell-language';
    input.placeholder = 'plain text';
    input.spellcheck = false;
    input.setAttribute('aria-label', 'Language');
    input.setAttribute('list', languageList(host.languages));
    input.addEventListener('focus', () => {
      input.readOnly = !host.isEditable();
    });
    input.addEventListener('change', () => host.setLanguage(input.value.trim() || null));
  }

  #show(): void {
    const { language } = this.#node.attrs;
    this.dom.dataset.language = language ?? '';
    this.#language.value = language ?? '';
    this.#name.textContent = this.#nameAttribute();
  }

  #tell(): void {
    if (this.#position === undefined) return;
    const { language } = this.#node.attrs;
    this.#mounted?.update({ position: this.#position, language, name: this.#nameAttribute() });
  }

  #nameAttribute(): string | null {
    return parseAttributes(String(this.#node.attrs.info)).name ?? null;
  }
}

function element(tag: 'div' | 'span', className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

/** One list of suggestions serves every cell of the page. */
function languageList(languages: readonly string[]): string {
  const id = 'elim-languages';
  if (document.getElementById(id)) return id;
  const list = document.createElement('datalist');
  list.id = id;
  list.append(...languages.map((language) => new Option(language)));
  document.body.append(list);
  return id;
}
