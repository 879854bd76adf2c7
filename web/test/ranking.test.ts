import { expect, test } from 'vitest';
import { best, wordsOf } from '../src/components/files/ranking.ts';
import type { FileRecord } from '../src/types/records.ts';

const files = ['board/plan.md', 'Dashboard.md', 'notes on-board.md', 'Board 1.md', 'other.md'].map(
  (path, index) =>
    ({
      id: path,
      path,
      name: path.slice(path.lastIndexOf('/') + 1),
      updatedAt: `2026-01-0${index + 1}`,
    }) as FileRecord,
);

test('13.B5 names that begin with the words come first, then words, then the middle, then paths', () => {
  expect(best(files, wordsOf('BOARD'), 10).map(({ path }) => path)).toEqual([
    'Board 1.md',
    'notes on-board.md',
    'Dashboard.md',
    'board/plan.md',
  ]);
  expect(best(files, wordsOf('board plan'), 10).map(({ path }) => path)).toEqual(['board/plan.md']);
});

test('13.B5 without words the newest come first', () => {
  expect(best(files, [], 2).map(({ path }) => path)).toEqual(['other.md', 'Board 1.md']);
});
