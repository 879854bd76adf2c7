import { expect, test } from 'vitest';
import { ancestorsOf, freeName, nameOf, parentOf } from '../src/components/files/paths.ts';

test('a taken name gets the next free number, whatever the case', () => {
  const taken = ['notes.md', 'Notes 2.md', 'notes on it.md'];
  expect(freeName(taken, 'notes.md')).toBe('notes 3.md');
  expect(freeName(taken, 'other.md')).toBe('other.md');
});

test('paths come apart and together', () => {
  expect([parentOf('a/b/c.md'), parentOf('c.md'), nameOf('a/b/c.md')]).toEqual(['a/b', '', 'c.md']);
  expect(ancestorsOf('a/b/c')).toEqual(['a', 'a/b', 'a/b/c']);
});
