import { expect, test } from 'vitest';
import { endedAs, markersIn, mergedText } from '../src/components/branches/merged-text.ts';

const sides = { ours: 'main', theirs: 'topic' };
const parts = [
  { text: 'a\n' },
  { ours: 'b\n', theirs: '' },
  { text: 'c\n' },
  { ours: 'd', theirs: 'e' },
];

test('a merged text holds what was chosen, and markers where nothing was', () => {
  expect(mergedText(parts, ['ours', 'theirs'], sides)).toBe('a\nb\nc\ne');
  expect(mergedText(parts, ['theirs', 'both'], sides)).toBe('a\nc\nd\ne');
  expect(mergedText(parts, ['both'], sides)).toBe(
    'a\nb\nc\n<<<<<<< main\nd\n=======\ne\n>>>>>>> topic\n',
  );
  expect(mergedText(parts, [undefined, 'ours'], sides)).toBe(
    'a\n<<<<<<< main\nb\n=======\n>>>>>>> topic\nc\nd',
  );
});

test('markers are found by their lines, and what looks like them is none', () => {
  expect(markersIn(mergedText(parts, [], sides))).toEqual([2, 5, 7, 11]);
  expect(markersIn('<<<<<<<\r\n>>>>>>> x\r\n')).toEqual([1, 2]);
  expect(markersIn('Heading\n=======\n a <<<<<<< b\n<<<<<<<<\n>>>>>>>x\n')).toEqual([]);
});

test('lines end as most of the text did before', () => {
  expect(endedAs('a\r\nb\r\nc\n', 'x\ny\r\n')).toBe('x\r\ny\r\n');
  expect(endedAs('a\r\nb\nc\n', 'x\ny\n')).toBe('x\ny\n');
  expect(endedAs('', 'x\n')).toBe('x\n');
});
