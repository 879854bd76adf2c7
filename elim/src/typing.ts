import type { Editor } from '@tiptap/core';

/** Characters above which a text is pasted: each typed one costs a transaction. */
const longest = 2_000;

/**
 * Types a text at the selection as a person would: input rules apply, and each line feed is Enter. A
 * long text is pasted.
 */
export function typeText(editor: Editor, text: string): void {
  if (text.length > longest) {
    editor.view.pasteText(text);
    return;
  }
  for (const [at, line] of text.split('\n').entries()) {
    if (at > 0) press(editor, 'Enter');
    for (const sign of line) type(editor, sign);
  }
}

function type({ view }: Editor, sign: string): void {
  const { from, to } = view.state.selection;
  const insert = () => view.state.tr.insertText(sign, from, to);
  const isHandled = view.someProp('handleTextInput', (handle) =>
    handle(view, from, to, sign, insert),
  );
  if (!isHandled) view.dispatch(insert().scrollIntoView());
}

function press({ view }: Editor, key: string): void {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
  view.someProp('handleKeyDown', (handle) => handle(view, event));
}
