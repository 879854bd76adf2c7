import type { Editor } from '@tiptap/core';
import { createSubscriber } from 'svelte/reactivity';

/** An editor whose state may be read in a template: what reads `current` runs again after changes. */
export class Watched {
  #editor: Editor;
  #subscribe: () => void;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#subscribe = createSubscriber((update) => {
      let frame = 0;
      // Once a frame is enough: a fast typist must not wait for buttons.
      const later = () => {
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(update);
      };
      editor.on('transaction', later);
      return () => {
        cancelAnimationFrame(frame);
        editor.off('transaction', later);
      };
    });
  }

  get current(): Editor {
    this.#subscribe();
    return this.#editor;
  }
}

export const isMac = (): boolean => /Mac|iP(?:hone|ad)/.test(globalThis.navigator?.platform ?? '');
