import { expect, test } from 'vitest';
import { append } from '../src/components/notebooks/output.ts';
import { plain } from '../src/components/notebooks/plain.ts';
import type { Output } from '../src/types/records.ts';

const piece = (seq: number, stream: Output['stream'], data: string): Output => ({
  seq,
  stream,
  mimeType: 'text/plain',
  data,
});

test('pieces of one stream become one block, with the number of the last', () => {
  const outputs = [piece(1, 'stdout', 'a\n'), piece(2, 'stdout', 'b\n')].reduce(append, []);
  expect(outputs).toEqual([piece(2, 'stdout', 'a\nb\n')]);
});

test('another stream and results stand alone', () => {
  const said = [
    piece(1, 'stdout', 'a'),
    piece(2, 'stderr', 'b'),
    piece(3, 'result', '1'),
    piece(4, 'result', '2'),
  ];
  expect(said.reduce(append, [])).toEqual(said);
});

test('terminal escapes vanish and a carriage return starts the line again', () => {
  expect(plain('\u001B[31mred\u001B[0m\n10 %\r100 %\r\nend')).toBe('red\n100 %\nend');
});
