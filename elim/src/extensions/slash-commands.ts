import { type Editor, Extension } from '@tiptap/core';
import { PluginKey } from '@tiptap/pm/state';
import { Suggestion, type SuggestionProps } from '@tiptap/suggestion';
import type { Command } from '../commands.ts';

export type SlashProps = SuggestionProps<Command, Command>;

/** Whatever shows the menu. */
export interface SlashMenuHost {
  open(props: SlashProps): void;
  close(): void;
  /** Whether the menu took the key. */
  key(event: KeyboardEvent): boolean;
}

/** A `/` at the start of a word opens a menu of commands. */
export const slashCommandsWith = (
  find: (query: string, editor: Editor) => Command[],
  menu: SlashMenuHost,
) =>
  Extension.create({
    name: 'slashCommands',
    addProseMirrorPlugins() {
      return [
        Suggestion<Command, Command>({
          pluginKey: new PluginKey('slashCommands'),
          editor: this.editor,
          char: '/',
          allow: ({ editor, state, range }) =>
            editor.isEditable &&
            !state.doc.resolve(range.from).parent.type.spec.code &&
            !editor.isActive('code'),
          items: ({ query, editor }) => find(query, editor),
          command: ({ editor, range, props }) => {
            editor.chain().focus().deleteRange(range).run();
            props.run(editor);
          },
          render: () => ({
            onStart: (props) => menu.open(props),
            onUpdate: (props) => menu.open(props),
            onExit: () => menu.close(),
            onKeyDown: ({ event }) => menu.key(event),
          }),
        }),
      ];
    },
  });
