import type { HocuspocusProvider } from '@hocuspocus/provider';
import type { Extensions } from '@tiptap/core';
import { Placeholder } from '@tiptap/extensions';
import { StarterKit } from '@tiptap/starter-kit';
import { BlockShortcuts } from './extensions/block-shortcuts.ts';
import { type Cells, cellWith } from './extensions/cell.ts';
import { collaborationOf, type User } from './extensions/collaboration.ts';
import { fileUploadWith, type UploadFile } from './extensions/file-upload.ts';
import { HardBreak } from './extensions/hard-break.ts';
import { Highlighting } from './extensions/highlighting.ts';
import { imageWith, type ResolveUrl } from './extensions/image.ts';
import { type Links, linkWith } from './extensions/link.ts';
import { ListItem, OrderedList, TaskItem, TaskList } from './extensions/lists.ts';
import { MarkShortcuts } from './extensions/mark-shortcuts.ts';
import { MarkdownClipboard } from './extensions/markdown-clipboard.ts';
import { Code } from './extensions/marks.ts';
import { RawBlock } from './extensions/raw-block.ts';
import { RawInline } from './extensions/raw-inline.ts';
import { Shortcuts } from './extensions/shortcuts.ts';
import { Table, TableCell, TableHeader, TableRow } from './extensions/table.ts';

export type ExtensionOptions = {
  placeholder?: string;
  cells?: Cells | undefined;
  collaboration?: HocuspocusProvider | undefined;
  user?: User | undefined;
  resolveUrl?: ResolveUrl | undefined;
  links?: Links | undefined;
  upload?: UploadFile | undefined;
};

/** What code blocks suggest as languages; any other may be typed. */
export const languages = [
  ...['bash', 'c', 'cpp', 'csharp', 'css', 'diff', 'elixir', 'go', 'graphql', 'html', 'java'],
  ...['javascript', 'json', 'kotlin', 'lua', 'markdown', 'mermaid', 'php', 'python', 'r', 'ruby'],
  ...['rust', 'sh', 'sql', 'swift', 'toml', 'typescript', 'xml', 'yaml'],
] as const;

/**
 * Whose rules run. Tiptap's own for typing eat characters that Markdown reads as text, and those for
 * pasting also read signs in HTML, which already says what is bold.
 */
export const rules = {
  enableInputRules: ['markShortcuts', 'blockShortcuts'],
  enablePasteRules: ['link'],
};

/**
 * The extensions of the editor. Together they make the schema of `@kyozo/markdown`: whatever is
 * in a document can be saved as Markdown.
 */
export function extensions(options: ExtensionOptions = {}): Extensions {
  return [
    StarterKit.configure({
      code: false,
      codeBlock: false,
      hardBreak: false,
      link: false,
      listItem: false,
      orderedList: false,
      // An empty paragraph that each open editor adds at the end would never stop coming.
      trailingNode: false,
      underline: false,
      dropcursor: { color: 'var(--accent)', width: 2 },
      ...(options.collaboration ? { undoRedo: false as const } : {}),
    }),
    Code,
    HardBreak,
    linkWith(options.links),
    ListItem,
    OrderedList,
    TaskList,
    TaskItem,
    Table,
    TableRow,
    TableHeader,
    TableCell,
    imageWith(options.resolveUrl ?? ((url) => url)),
    cellWith({ cells: options.cells, languages }),
    Highlighting,
    RawBlock,
    RawInline,
    MarkdownClipboard,
    MarkShortcuts,
    BlockShortcuts,
    Shortcuts,
    ...(options.placeholder ? [Placeholder.configure({ placeholder: options.placeholder })] : []),
    ...(options.upload ? [fileUploadWith(options.upload)] : []),
    ...(options.collaboration ? collaborationOf(options.collaboration, options.user) : []),
  ];
}
