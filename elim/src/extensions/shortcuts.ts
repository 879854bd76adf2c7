import { Extension } from '@tiptap/core';
import { keydownHandler } from '@tiptap/pm/keymap';
import { Plugin, PluginKey } from '@tiptap/pm/state';
import { commands } from '../commands.ts';

const hasShift = (shortcut: string): boolean => shortcut.split('-').includes('Shift');

/**
 * The keys of the table of commands. They come before those of other extensions and take their keys
 * even when the command declines.
 */
export const Shortcuts = Extension.create({
  name: 'shortcuts',
  priority: 2000,
  addKeyboardShortcuts() {
    return {
      ...bindings(
        (shortcut) => !hasShift(shortcut),
        (run) => run(this.editor),
      ),
      // A code block would take the key for itself before its signs are given back.
      Backspace: () => this.editor.commands.undoInputRule(),
    };
  },
  addProseMirrorPlugins() {
    const handle = keydownHandler(bindings(hasShift, (run) => run(this.editor)));
    return [
      new Plugin({
        key: new PluginKey('shiftedShortcuts'),
        props: {
          handleDOMEvents: {
            // A keymap tries a key without Shift when nothing takes it with Shift: Ctrl+Shift+I would be
            // Ctrl+I. Shifted keys that are in no row of the table are the browser's.
            keydown: (view, event) => {
              if (view.composing || !view.editable || !event.shiftKey) return false;
              const isTaken = handle(view, event);
              if (isTaken) event.preventDefault();
              return isTaken || (event.key.length === 1 && (event.ctrlKey || event.metaKey));
            },
          },
        },
      }),
    ];
  },
});

type Run = (typeof commands)[number]['run'];

function bindings(
  isWanted: (shortcut: string) => boolean,
  act: (run: Run) => unknown,
): Record<string, () => true> {
  const rows = commands.flatMap(({ shortcut, run }): [string, () => true][] => {
    const press = (): true => {
      act(run);
      return true;
    };
    return shortcut && isWanted(shortcut) ? [[shortcut, press]] : [];
  });
  return Object.fromEntries(rows);
}
