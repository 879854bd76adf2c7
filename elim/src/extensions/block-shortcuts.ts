import { type CommandProps, Extension, InputRule } from '@tiptap/core';
import type { NodeType, Schema } from '@tiptap/pm/model';
import { type EditorState, TextSelection, type Transaction } from '@tiptap/pm/state';
import { findWrapping } from '@tiptap/pm/transform';

/** The step from a paragraph to the block that Markdown reads in its first characters. */
type Make = (tr: Transaction, at: number, match: Match) => boolean;

type Match = readonly (string | undefined)[];

/**
 * Turns the start of a paragraph into the block that Markdown reads in it. Fences and rules, which need
 * a line to themselves, wait for Enter. Elsewhere, and wherever the block has no place, text stays.
 */
export const BlockShortcuts = Extension.create({
  name: 'blockShortcuts',
  addInputRules() {
    const { schema } = this.editor;
    const { heading, blockquote, bulletList, orderedList } = schema.nodes as Nodes;
    const numbered = (match: Match) => ({ start: Number(match[1]) });
    return [
      atStart(/^(#{1,6}) $/, (tr, at, match) =>
        becomes(tr, at, heading!, { level: match[1]!.length }),
      ),
      atStart(/^> $/, (tr, at) => wraps(tr, at, blockquote!)),
      atStart(/^[-+*] $/, (tr, at) => wraps(tr, at, bulletList!)),
      atStart(/^(\d{1,9})\. $/, (tr, at, match) => wraps(tr, at, orderedList!, numbered(match))),
      atStart(/^\[([ xX])\] $/, (tr, at, match) => checks(tr, at, match[1] !== ' ')),
      wholeLine(/^(?:`{3,}|~{3,}) *([\w+#.-]*)((?: *\{[^`}]*\})?) *\n$/, (tr, at, match) =>
        fences(tr, at, match, schema),
      ),
      wholeLine(/^(?:-{3,}|_{3,}|\*{3,}) *\n$/, (tr, at) => rules(tr, at, schema)),
      images(schema),
    ];
  },
  addCommands() {
    return { undoInputRule: () => giveBack };
  },
});

type Nodes = Record<string, NodeType | undefined>;

/** A rule for what is typed at the start of a paragraph. */
function atStart(find: RegExp, make: Make): InputRule {
  return new InputRule({
    find,
    handler: ({ state, range, match }) => {
      const $from = state.doc.resolve(range.from);
      if ($from.parent.type.name !== 'paragraph' || $from.parentOffset > 0) return null;
      const tr = state.tr.delete(range.from, range.to);
      return make(tr, range.from, match) ? undefined : null;
    },
  });
}

/** A rule for a paragraph that holds nothing else, when Enter is pressed. */
function wholeLine(find: RegExp, make: Make): InputRule {
  return atStart(
    find,
    (tr, at, match) => tr.doc.resolve(at).parent.content.size === 0 && make(tr, at, match),
  );
}

function becomes(tr: Transaction, at: number, type: NodeType, attrs: Attrs): boolean {
  const $at = tr.doc.resolve(at);
  if (!$at.node(-1).canReplaceWith($at.index(-1), $at.indexAfter(-1), type)) return false;
  tr.setBlockType(at, at, type, attrs);
  return true;
}

type Attrs = Record<string, unknown>;

function wraps(tr: Transaction, at: number, type: NodeType, attrs: Attrs = {}): boolean {
  const range = tr.doc.resolve(at).blockRange();
  const wrapping = range && findWrapping(range, type, attrs);
  if (!range || !wrapping) return false;
  tr.wrap(range, wrapping);
  const before = tr.doc.resolve(range.start).nodeBefore;
  const continues =
    type.name !== 'orderedList' ||
    Number(before?.attrs.start) + (before?.childCount ?? 0) === attrs.start;
  if (before?.type === type && type.name !== 'blockquote' && continues) tr.join(range.start);
  return true;
}

/** A box at the start of an item makes the item a task. */
function checks(tr: Transaction, at: number, checked: boolean): boolean {
  const $at = tr.doc.resolve(at);
  const isFirst = $at.depth > 1 && $at.index(-1) === 0;
  if (!isFirst || $at.node(-1).type.name !== 'listItem') return false;
  tr.setNodeAttribute($at.before(-1), 'checked', checked);
  return true;
}

function fences(tr: Transaction, at: number, match: Match, schema: Schema): boolean {
  const [, language, info = ''] = match;
  const attrs = { language: language || null, info: info.trim() };
  return becomes(tr, at, schema.nodes.codeBlock!, attrs);
}

function rules(tr: Transaction, at: number, schema: Schema): boolean {
  const $at = tr.doc.resolve(at);
  const { horizontalRule, paragraph } = schema.nodes as Nodes;
  const [index, parent] = [$at.index(-1), $at.node(-1)];
  if (!parent.canReplaceWith(index, index, horizontalRule!)) return false;
  tr.replaceWith($at.before(), $at.after(), [horizontalRule!.create(), paragraph!.create()]);
  tr.setSelection(TextSelection.create(tr.doc, $at.before() + 2));
  return true;
}

function images(schema: Schema): InputRule {
  return new InputRule({
    find: /(?<!\\)!\[([^[\]]*)\]\(([^\s()<>\\]+)(?: "([^"\\]*)")?\)$/,
    handler: ({ state, range, match }) => {
      const [, alt, src, title] = match;
      if (state.doc.rangeHasMark(range.from, range.to, schema.marks.code!)) return null;
      const image = schema.nodes.image!.create({ src, alt: alt || null, title: title || null });
      state.tr.replaceWith(range.from, range.to, image);
      return undefined;
    },
  });
}

/** The state of the last rule. Tiptap keeps it until the next change or move of the caret. */
type Undoable = { transform: Transaction; from: number; to: number; text: string };

/** Gives back the text that the last rule has taken, as it was typed; Enter has typed none. */
function giveBack({ state, dispatch }: CommandProps): boolean {
  const undoable = state.plugins.map((plugin) => ruleOf(plugin, state)).find(Boolean);
  if (!undoable || !dispatch) return undoable !== undefined;
  const { tr } = state;
  const { transform, from, to } = undoable;
  for (let at = transform.steps.length - 1; at >= 0; at--)
    tr.step(transform.steps[at]!.invert(transform.docs[at]!));
  const text = undoable.text.replace('\n', '');
  if (text) tr.replaceWith(from, to, state.schema.text(text, tr.doc.resolve(from).marks()));
  else if (to > from) tr.delete(from, to);
  tr.setSelection(TextSelection.create(tr.doc, from + text.length));
  return true;
}

function ruleOf(plugin: EditorState['plugins'][number], state: EditorState): Undoable | undefined {
  const isRules = (plugin.spec as { isInputRules?: boolean }).isInputRules;
  return isRules ? ((plugin.getState(state) as Undoable | null) ?? undefined) : undefined;
}
