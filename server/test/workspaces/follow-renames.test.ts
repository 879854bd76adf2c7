import { expect, test } from 'vitest';
import { keepPossible, settleRenames } from '../../src/workspaces/follow-renames.ts';
import type { TreeChange } from '../../src/workspaces/push-git.ts';

const blob = (number: number) => number.toString(16).padStart(40, '0');
const nothing = blob(0);

/** A change of one path from one blob to another; null is no file. */
function change(path: string, from: number | null, to: number | null): [string, TreeChange] {
  const mode = { mode: '100644', oldMode: '100644' };
  const blobs = { from: from === null ? nothing : blob(from), to: to === null ? null : blob(to) };
  return [path, { path, ...mode, ...blobs }];
}

/** Milliseconds that the best of three takes. */
function timeOf(work: () => void): number {
  const once = () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  return Math.min(once(), once(), once());
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const shapes: Record<string, (count: number) => Map<string, TreeChange>> = {
  'each file takes the content of the next, and the last is new': (count) =>
    new Map(numbers(count).map((n) => change(`f${n}`, n, n === count ? 10 ** 9 : n + 1))),
  'each file takes the content of the one before, and the first is new': (count) =>
    new Map(numbers(count).map((n) => change(`f${n}`, n + 1, n === 1 ? 10 ** 9 : n))),
  'equal files move to another folder': (count) =>
    new Map(numbers(count).flatMap((n) => [change(`a/${n}`, 7, null), change(`b/${n}`, null, 7)])),
  'equal files are replaced, and come up elsewhere': (count) =>
    new Map(numbers(count).flatMap((n) => [change(`a/${n}`, 7, 8), change(`b/${n}`, 6, 7)])),
};

for (const [name, shape] of Object.entries(shapes)) {
  test(`13.A7 the time for renames grows with the push, not with its square: ${name}`, () => {
    const [small, large] = [shape(2_000), shape(32_000)];
    const short = timeOf(() => settleRenames(small, new Map()));
    const long = timeOf(() => settleRenames(large, new Map()));
    expect(long).toBeLessThan(16 * 4 * Math.max(short, 2));
  });
}

test('13.A7 a rename that cannot be followed takes those with it that depend on it', () => {
  const changes = new Map([
    change('a', 1, 9),
    change('b', 2, 1),
    change('c', 3, 2),
    change('d', null, 3),
    change('x', 4, 5),
    change('y', 5, 4),
  ]);
  const found = new Map([...'bcdxy'].map((path, at) => [path, 'abcyx'[at]!]));
  const swap = [...found].filter(([path]) => 'xy'.includes(path));
  expect(keepPossible(found, changes)).toEqual(new Map(swap));
  const isBlocked = (path: string) => path === 'x';
  expect(keepPossible(found, changes, isBlocked)).toEqual(new Map());
});

test('13.A7 of two files of the same content the one that has gone has moved, not the one that was rewritten', () => {
  const changes = new Map([change('a', 1, null), change('b', 1, 2), change('c', null, 1)]);
  expect(settleRenames(changes, new Map([['c', 'a']]))).toEqual(new Map([['c', 'a']]));
});
