import type { HocuspocusProvider } from '@hocuspocus/provider';
import { type Node, parse } from '@kyozo/markdown';
import { type Content, Editor } from '@tiptap/core';
import type { Transaction } from '@tiptap/pm/state';
import { type Command, findCommands } from '../commands.ts';
import { extensions, rules } from '../editor.ts';
import type { Cells } from '../extensions/cell.ts';
import type { User } from '../extensions/collaboration.ts';
import { type UploadFile, uploadFile } from '../extensions/file-upload.ts';
import type { ResolveUrl } from '../extensions/image.ts';
import type { Links } from '../extensions/link.ts';
import { slashCommandsWith } from '../extensions/slash-commands.ts';
import type { SlashMenu } from './slash-menu.svelte.ts';

export type ShadcnEditorProps = {
  /** The TipTap editor, once there is one: `bind:editor`. */
  editor?: Editor | undefined;
  /** Markdown, or a document as JSON. Without effect in collaboration: the text is the shared one. */
  content?: string | Node;
  editable?: boolean;
  placeholder?: string;
  class?: string;
  /** What screen readers call the text. */
  label?: string;
  showSlashCommands?: boolean;
  showLinkBubbleMenu?: boolean;
  showTableBubbleMenu?: boolean;
  onUpdate?: (props: { editor: Editor; transaction: Transaction }) => void;
  onFocus?: (props: { editor: Editor; event: FocusEvent }) => void;
  onBlur?: (props: { editor: Editor; event: FocusEvent }) => void;
  /** Stores a file, answers its address. */
  onFileUpload?: UploadFile;
  /** Continues the text: `context` is what stands before the caret. Answers Markdown. */
  onAIAutoComplete?: (prompt: string, context: string) => Promise<string>;
  /** The live document; the fragment is `default`. */
  collaboration?: HocuspocusProvider;
  user?: User;
  /** How the application runs code cells. */
  cells?: Cells;
  /** Turns an image's address in the text into one the browser can load. */
  resolveUrl?: ResolveUrl;
  /** How links are resolved and opened; a new tab when left out. */
  links?: Links;
};

/** Makes the editor in `element`. The caller destroys it. */
export function createEditor(
  element: HTMLElement,
  props: ShadcnEditorProps,
  menu: SlashMenu,
): Editor {
  const more = moreCommands(props);
  const find = (query: string, editor: Editor) => findCommands(query, editor, more);
  return new Editor({
    element,
    editable: props.editable ?? true,
    ...rules,
    extensions: [
      ...extensions({
        placeholder: props.placeholder ?? '',
        cells: props.cells,
        collaboration: props.collaboration,
        user: props.user,
        resolveUrl: props.resolveUrl,
        links: props.links,
        upload: props.onFileUpload,
      }),
      ...((props.showSlashCommands ?? true) ? [slashCommandsWith(find, menu)] : []),
    ],
    ...(props.collaboration ? {} : { content: toContent(props.content) }),
    editorProps: {
      attributes: {
        class: 'elim-text',
        role: 'textbox',
        'aria-multiline': 'true',
        'aria-label': props.label ?? 'Document',
      },
    },
    onUpdate: (event) => props.onUpdate?.(event),
    onFocus: (event) => props.onFocus?.(event),
    onBlur: (event) => props.onBlur?.(event),
  });
}

const toContent = (content: string | Node | undefined): Content =>
  typeof content === 'object' ? content : parse(content ?? '').doc;

/** Slash commands that only make sense where the application takes part. */
function moreCommands({ onFileUpload, onAIAutoComplete }: ShadcnEditorProps): Command[] {
  const file: Command = {
    id: 'file',
    label: 'Image or file',
    group: 'insert',
    icon: 'image',
    words: 'upload picture attachment',
    run: (editor) => {
      if (onFileUpload)
        pickFile((one) => void uploadFile(editor, one, editor.state.selection.from, onFileUpload));
      return true;
    },
  };
  const complete: Command = {
    id: 'complete',
    label: 'Continue writing',
    group: 'insert',
    icon: 'sparkles',
    words: 'ai complete',
    run: (editor) => {
      if (onAIAutoComplete) void completeText(editor, onAIAutoComplete);
      return true;
    },
  };
  return [...(onAIAutoComplete ? [complete] : []), ...(onFileUpload ? [file] : [])];
}

function pickFile(take: (file: File) => void): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.addEventListener('change', () => {
    for (const file of input.files ?? []) take(file);
  });
  input.click();
}

async function completeText(
  editor: Editor,
  ask: NonNullable<ShadcnEditorProps['onAIAutoComplete']>,
): Promise<void> {
  const { from } = editor.state.selection;
  const context = editor.state.doc.textBetween(Math.max(0, from - 8_000), from, '\n');
  const answer = await ask('', context).catch(() => '');
  if (editor.isDestroyed || answer === '') return;
  editor
    .chain()
    .focus()
    .insertContent(parse(answer).doc.content ?? [])
    .run();
}
