import type { Editor } from '@tiptap/core';
import type { Node } from '@tiptap/pm/model';
import type { NodeView, ViewMutationRecord } from '@tiptap/pm/view';

/** An item of a list, with a box to tick when it is a task. */
export class ItemView implements NodeView {
  dom = document.createElement('li');
  contentDOM = document.createElement('div');
  #box = document.createElement('input');
  #node: Node;

  constructor(node: Node, editor: Editor, getPos: () => number | undefined) {
    this.#node = node;
    this.#box.type = 'checkbox';
    this.#box.contentEditable = 'false';
    this.#box.setAttribute('aria-label', 'Done');
    this.#box.addEventListener('mousedown', (event) => event.preventDefault());
    this.#box.addEventListener('change', () => {
      const at = getPos();
      const { checked } = this.#box;
      if (at === undefined || !editor.isEditable) this.#box.checked = !checked;
      else editor.view.dispatch(editor.state.tr.setNodeAttribute(at, 'checked', checked));
    });
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
    this.#box.checked = checked === true;
    if (checked === null) this.#box.remove();
    else if (!this.#box.isConnected) this.dom.prepend(this.#box);
    if (checked === null) delete this.dom.dataset.task;
    else this.dom.dataset.task = checked ? 'done' : 'open';
  }
}
