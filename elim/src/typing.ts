import type { Editor } from '@tiptap/core';

/** Characters above which a text is pasted: each typed one costs a transaction. */
const longest = 2_000;

/**
 * Types a text at the selection as a person would: input rules apply, and each line feed is Enter. A
 * long text is pasted.
 */
export function typeText(editor: Editor, text: string): void {
  if (text.length > longest) {
    pasteMarkdown(editor, text);
    return;
  }
  for (const [at, line] of text.split('\n').entries()) {
    if (at > 0) press(editor, 'Enter');
    for (const sign of line) type(editor, sign);
  }
}

/** Pastes a text at the selection as Markdown, like plain text from the clipboard. */
export function pasteMarkdown({ view }: Editor, text: string): void {
  const { $from } = view.state.selection;
  const parsed = view.someProp('clipboardTextParser', (parse) => parse(text, $from, false, view));
  if (!parsed) return;
  let slice = parsed;
  view.someProp('transformPasted', (transform) => {
    slice = transform(slice, view, false);
  });
  view.dispatch(view.state.tr.replaceSelection(slice).scrollIntoView().setMeta('paste', true));
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
