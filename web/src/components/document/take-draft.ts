import { pasteMarkdown, type ShadcnEditorProps, typeText } from 'elim';
import { draft } from '../files/draft.svelte.ts';

type Editor = NonNullable<ShadcnEditorProps['editor']>;

/** Types or pastes the text of a draft into the editor of its file, and leaves the caret behind it. */
export function takeDraft(editor: Editor, fileId: string): void {
  draft.pour(fileId, (text, kind, isPasted) => {
    if (kind === 'notebook') selectTitle(editor);
    else editor.commands.setTextSelection(editor.state.doc.content.size);
    editor.view.focus();
    if (isPasted) pasteMarkdown(editor, text);
    else typeText(editor, text);
  });
}

function selectTitle(editor: Editor): void {
  const title = editor.state.doc.firstChild;
  editor.commands.setTextSelection({ from: 1, to: 1 + (title?.content.size ?? 0) });
}
