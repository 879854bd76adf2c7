import { expect, test } from 'vitest';
import {
  ancestorsOf,
  contentsOf,
  freePath,
  nameOf,
  parentOf,
} from '../src/components/files/paths.ts';
import type { FileRecord } from '../src/types/records.ts';

const files = ['notes.md', 'a/b/deep.md', 'a/10.md', 'a/9.md', 'ab.md', 'Notes 2.md'].map(
  (path, index) =>
    ({ id: path, path, name: nameOf(path), updatedAt: `2026-01-0${index + 1}` }) as FileRecord,
);

test('a folder is what paths have in common, and says when it last changed', () => {
  const top = contentsOf(files, '');
  expect(top.folders).toEqual([{ path: 'a', name: 'a', count: 3, changed: '2026-01-04' }]);
  expect(top.files.map((file) => file.path)).toEqual(['ab.md', 'Notes 2.md', 'notes.md']);
});

test('a folder shows what lies directly in it, in the order people count', () => {
  const inside = contentsOf(files, 'a');
  expect(inside.folders.map((folder) => folder.path)).toEqual(['a/b']);
  expect(inside.files.map((file) => file.name)).toEqual(['9.md', '10.md']);
});

test('a taken name gets the next free number, whatever the case', () => {
  expect(freePath(files, '', 'notes.md')).toBe('notes 3.md');
  expect(freePath(files, 'a', 'notes.md')).toBe('a/notes.md');
});

test('paths come apart and together', () => {
  expect([parentOf('a/b/c.md'), parentOf('c.md'), nameOf('a/b/c.md')]).toEqual(['a/b', '', 'c.md']);
  expect(ancestorsOf('a/b/c')).toEqual(['a', 'a/b', 'a/b/c']);
});
