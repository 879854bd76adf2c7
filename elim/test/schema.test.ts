import { schema as model } from '@kyozo/markdown';
import { getSchema } from '@tiptap/core';
import { expect, test } from 'vitest';
import { extensions } from '../src/editor.ts';

const editor = getSchema(extensions({ cells: undefined, placeholder: 'Write' }));

test('the editor knows the nodes of the document model, and no others', () => {
  const describe = (schema: typeof editor) =>
    Object.fromEntries(
      Object.values(schema.nodes).map(({ name, spec, isInline, isAtom, isTextblock }) => [
        name,
        {
          attrs: Object.fromEntries(
            Object.entries(spec.attrs ?? {}).map(([key, one]) => [key, one.default]),
          ),
          content: spec.content ?? '',
          groups: new Set((spec.group ?? '').split(' ')),
          marks: spec.marks,
          code: spec.code ?? false,
          isInline,
          isAtom,
          isTextblock,
        },
      ]),
    );
  expect(describe(editor)).toEqual(describe(model));
});

test('the editor knows the marks of the document model, and no others', () => {
  const describe = (schema: typeof editor) =>
    Object.fromEntries(
      Object.values(schema.marks).map((mark) => [
        mark.name,
        {
          attrs: Object.fromEntries(
            Object.entries(mark.spec.attrs ?? {}).map(([key, one]) => [key, one.default]),
          ),
          excludes: Object.values(schema.marks)
            .filter((other) => mark.excludes(other))
            .map(({ name }) => name),
          inclusive: mark.spec.inclusive ?? true,
        },
      ]),
    );
  expect(describe(editor)).toEqual(describe(model));
});
