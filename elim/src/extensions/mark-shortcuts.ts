import { Extension, InputRule, type InputRuleMatch, markInputRule } from '@tiptap/core';

/** Signs that make a mark of the text between two of them. */
const signs = [
  ['**', 'bold'],
  ['__', 'bold'],
  ['*', 'italic'],
  ['_', 'italic'],
  ['~~', 'strike'],
  ['`', 'code'],
] as const;

/**
 * Turns signs into marks as they are typed, within CommonMark's flanking rules: no space behind the
 * opening sign, none before the closing one. Signs inside a word, beside others of their kind or
 * behind a backslash stay as they are typed.
 */
export const MarkShortcuts = Extension.create({
  name: 'markShortcuts',
  addInputRules() {
    const { marks } = this.editor.schema;
    return signs.map(([sign, mark]) => {
      const find = (text: string) => closing(sign, text);
      const rule = markInputRule({ find, type: marks[mark]! });
      const handler: InputRule['handler'] = (props) => {
        const { range, state } = props;
        const after = state.doc.textBetween(range.to, state.doc.resolve(range.to).end(), '', ' ');
        const opener = [range.from, range.from + sign.length] as const;
        const isCode = state.doc.rangeHasMark(...opener, marks.code!);
        return isCode || !canFollow(after, sign) ? null : rule.handler(props);
      };
      return new InputRule({ find, handler });
    });
  },
});

/** The marked text that ends with `sign` at the end of `text`. */
function closing(sign: string, text: string): InputRuleMatch | null {
  if (!text.endsWith(sign)) return null;
  const char = sign[0]!;
  const end = text.length - sign.length;
  const start = text.lastIndexOf(char, end - 1) + 1;
  const opens = start - sign.length;
  const content = text.slice(start, end);
  const before = text[opens - 1];
  const isOpener = opens >= 0 && text.slice(opens, start) === sign && before !== char;
  if (!isOpener || !canPrecede(before) || !isFlanked(content)) return null;
  return { index: opens, text: text.slice(opens), replaceWith: content };
}

const isFlanked = (content: string): boolean => /^[^\s]/.test(content) && /[^\s\\]$/.test(content);

const canPrecede = (char: string | undefined): boolean =>
  char === undefined || /[\s\p{Ps}\p{Pi}"'*_~]/u.test(char);

const canFollow = (text: string, sign: string): boolean =>
  text === '' || (/^[\s\p{P}]/u.test(text) && !text.startsWith(sign[0]!));
