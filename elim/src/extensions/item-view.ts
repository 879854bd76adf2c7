import type { Editor } from '@tiptap/core';
import type { Node } from '@tiptap/pm/model';
import type { NodeView, ViewMutationRecord } from '@tiptap/pm/view';

/** An item of a list, with a box to tick when it is a task. */
export class ItemView implements NodeView {
  dom = document.createElement('li');
  contentDOM = document.createElement('div');
  #box: HTMLInputElement | undefined;
  #node: Node;
  #tick: (checked: boolean) => boolean;

  constructor(node: Node, editor: Editor, getPos: () => number | undefined) {
    this.#node = node;
    this.#tick = (checked) => {
      const at = getPos();
      if (at === undefined || !editor.isEditable) return false;
      editor.view.dispatch(editor.state.tr.setNodeAttribute(at, 'checked', checked));
      return true;
    };
    this.dom.append(this.contentDOM);
    this.#show();
  }

  update(node: Node): boolean {
    if (node.type !== this.#node.type) return false;
    this.#node = node;
    this.#show();
    return true;
  }

  stopEvent(event: Event): boolean {
    return event.target === this.#box;
  }

  ignoreMutation(mutation: ViewMutationRecord): boolean {
    return mutation.type !== 'selection' && !this.contentDOM.contains(mutation.target);
  }

  #show(): void {
    const { checked } = this.#node.attrs;
    if (checked === null) {
      this.#box?.remove();
      this.#box = undefined;
      delete this.dom.dataset.task;
      return;
    }
    this.#box ??= this.#makeBox();
    this.#box.checked = checked === true;
    this.dom.dataset.task = checked ? 'done' : 'open';
  }

  #makeBox(): HTMLInputElement {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.contentEditable = 'false';
    box.setAttribute('aria-label', 'Done');
    // A press takes the focus from the text.
    box.addEventListener('mousedown', (event) => event.preventDefault());
    box.addEventListener('change', () => {
      if (!this.#tick(box.checked)) box.checked = !box.checked;
    });
    this.dom.prepend(box);
    return box;
  }
}
