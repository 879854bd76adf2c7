import { Extension } from '@tiptap/core';
import { commands } from '../commands.ts';

/** The keys of the table of commands. */
export const Shortcuts = Extension.create({
  name: 'shortcuts',
  addKeyboardShortcuts() {
    return Object.fromEntries(
      commands.flatMap(({ shortcut, run }) =>
        shortcut ? [[shortcut, () => run(this.editor)]] : [],
      ),
    );
  },
});
