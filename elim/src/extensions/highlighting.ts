import { Extension } from '@tiptap/core';
import type { Node } from '@tiptap/pm/model';
import { Plugin, PluginKey, type Transaction } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';

type Tree = {
  type: string;
  value?: string;
  children?: Tree[];
  properties?: { className?: unknown };
};
type Highlighter = {
  registered(language: string): boolean;
  highlight(language: string, code: string): Tree;
};

/** Longer code stays plain: colours are not worth a stalled key press. */
const tooLong = 20_000;

const key = new PluginKey<DecorationSet>('highlighting');

/**
 * Colours code blocks. The languages load when the first code block appears, and only the blocks
 * that a change touches are coloured anew: `extension-code-block-lowlight` walks the whole document
 * at every key.
 */
export const Highlighting = Extension.create({
  name: 'highlighting',
  addProseMirrorPlugins() {
    let highlighter: Highlighter | undefined;
    let loading = false;
    const plugin: Plugin<DecorationSet> = new Plugin({
      key,
      state: {
        init: () => DecorationSet.empty,
        apply: (tr, set) => {
          if (tr.getMeta(key))
            return coloured(tr.doc, [[0, tr.doc.content.size]], DecorationSet.empty, highlighter);
          return tr.docChanged
            ? coloured(tr.doc, changedRanges(tr), set.map(tr.mapping, tr.doc), highlighter)
            : set;
        },
      },
      props: { decorations: (state) => plugin.getState(state) },
      view: (view) => {
        const colour = () => {
          if (loading || !view.dom.querySelector('.elim-cell:not([data-language=""])')) return;
          loading = true;
          void load().then((loaded) => {
            highlighter = loaded;
            if (!view.isDestroyed)
              view.dispatch(view.state.tr.setMeta(key, true).setMeta('addToHistory', false));
          });
        };
        queueMicrotask(colour);
        return { update: colour };
      },
    });
    return [plugin];
  },
});

async function load(): Promise<Highlighter | undefined> {
  try {
    const { common, createLowlight } = await import('lowlight');
    return createLowlight(common) as Highlighter;
  } catch {
    // Offline before the first visit: code stays plain.
    return undefined;
  }
}

function changedRanges(tr: Transaction): [number, number][] {
  return tr.mapping.maps.flatMap((map, index) => {
    const ranges: [number, number][] = [];
    const rest = tr.mapping.slice(index + 1);
    map.forEach((_from, _to, from, to) => {
      ranges.push([rest.map(from, -1), rest.map(to, 1)]);
    });
    return ranges;
  });
}

function coloured(
  doc: Node,
  ranges: [number, number][],
  set: DecorationSet,
  highlighter: Highlighter | undefined,
): DecorationSet {
  if (!highlighter) return set;
  let next = set;
  for (const [from, to] of ranges)
    doc.nodesBetween(Math.max(from - 1, 0), Math.min(to + 1, doc.content.size), (node, at) => {
      if (node.type.name !== 'codeBlock') return !node.isTextblock;
      next = next
        .remove(next.find(at, at + node.nodeSize))
        .add(doc, decorate(node, at, highlighter));
      return false;
    });
  return next;
}

function decorate(node: Node, at: number, highlighter: Highlighter): Decoration[] {
  const language = String(node.attrs.language ?? '').toLowerCase();
  if (!highlighter.registered(language) || node.content.size > tooLong) return [];
  const decorations: Decoration[] = [];
  let from = at + 1;
  const visit = (tree: Tree, classes: string) => {
    for (const child of tree.children ?? []) {
      const own = child.properties?.className;
      const all = Array.isArray(own) ? `${classes} ${own.join(' ')}`.trim() : classes;
      if (child.value === undefined) visit(child, all);
      else {
        const to = from + child.value.length;
        if (all) decorations.push(Decoration.inline(from, to, { class: all }));
        from = to;
      }
    }
  };
  visit(highlighter.highlight(language, node.textContent), '');
  return decorations;
}
