import { expect, test } from 'vitest';
import { type Node, parse, serialize } from '../src/index.ts';

const items = (text: string): Node[] => parse(text).doc.content![0]!.content!;
const checks = (text: string) => items(text).map((item) => item.attrs!.checked);

test('13.A10 numbered and mixed lists have tasks, as GFM 5.3 says', () => {
  expect(checks('1. [ ] first\n2. [x] second\n3. third\n')).toEqual([false, true, null]);
  expect(checks('- plain\n- [ ] task\n- [X] done\n')).toEqual([null, false, true]);
  expect(parse('- [ ] a\n- [x] b\n').doc.content![0]!.type).toBe('taskList');
  expect(checks('1. \\[ ] no task\n2. # [ ] no task\n3. `[ ]` no task\n')).toEqual([
    null,
    null,
    null,
  ]);
});

test('13.A10 a task in a numbered or mixed list is ticked in one place of the file', () => {
  for (const text of [
    '1. [ ] a\n1. [ ] b\n1. c\n',
    '* plain\n* [ ] a\n   * [ ] b\n',
    '7) [ ] x\n',
  ]) {
    const { doc } = parse(text);
    expect(serialize(doc, text)).toBe(text);
    const item = doc.content![0]!.content!.find(({ attrs }) => attrs!.checked === false)!;
    item.attrs!.checked = true;
    expect(serialize(doc, text)).toBe(text.replace('[ ]', '[x]'));
  }
});

test('13.A10 text that looks like a box is kept apart from a task', () => {
  const { doc } = parse('- a\n- b\n\n1. c\n');
  const text = (list: number, item: number) =>
    doc.content![list]!.content![item]!.content![0]!.content![0]!;
  text(0, 1).text = '[ ] b';
  text(1, 0).text = '[x] c';
  const written = serialize(doc, '- a\n- b\n\n1. c\n');
  expect(written).toBe('- a\n- \\[ ] b\n\n1. \\[x] c\n');
  expect(parse(written).doc).toEqual(doc);
});

test.each([
  ['1. a\n1. b\n1. c\n', 1, '1. a\n1. new\n1. b\n1. c\n'],
  ['1. a\n1. b\n1. c\n', 3, '1. a\n1. b\n1. c\n1. new\n'],
  ['0. a\n0. b\n', 2, '0. a\n0. b\n0. new\n'],
  ['1. a\n2. b\n', 2, '1. a\n2. b\n3. new\n'],
  ['3) a\n3) b\n', 2, '3) a\n3) b\n3) new\n'],
  ['1. x\n1. y\n\ntext\n\n1. a\n2. b\n', 2, '1. x\n1. y\n1. new\n\ntext\n\n1. a\n2. b\n'],
])('13.A10 an item put into %j at %i is numbered as the list is', (text, at, wanted) => {
  const { doc } = parse(text);
  const content = [{ type: 'text' as const, text: 'new' }];
  const item: Node = { type: 'listItem', content: [{ type: 'paragraph', content }] };
  doc.content![0]!.content!.splice(at, 0, item);
  expect(serialize(doc, text)).toBe(wanted);
});

test('13.A10 a list in a list is numbered as the file is', () => {
  const text = '- a\n  1. x\n  1. y\n- b\n';
  const { doc } = parse(text);
  const inner = doc.content![0]!.content![0]!.content![1]!;
  inner.content!.push(structuredClone(inner.content![1]!));
  expect(serialize(doc, text)).toBe('- a\n  1. x\n  1. y\n  1. y\n- b\n');
});
