import type { Editor } from '@tiptap/core';
import { BubbleMenuPlugin, type BubbleMenuPluginProps } from '@tiptap/extension-bubble-menu';

type BubbleOptions = Pick<
  BubbleMenuPluginProps,
  'shouldShow' | 'options' | 'getReferencedVirtualElement'
>;

/** Floats an element over the selection while `shouldShow` says so. */
export function bubble(editor: Editor, name: string, options: BubbleOptions) {
  return (element: HTMLElement) => {
    element.remove();
    editor.registerPlugin(
      BubbleMenuPlugin({
        pluginKey: name,
        editor,
        element,
        updateDelay: 80,
        appendTo: () => editor.view.dom.parentElement!,
        ...options,
      }),
    );
    return () => {
      if (!editor.isDestroyed) editor.unregisterPlugin(name);
    };
  };
}
