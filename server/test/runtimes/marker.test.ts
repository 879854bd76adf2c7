import { expect, test } from 'vitest';
import { MarkerSplitter, markerOf } from '../../src/runtimes/marker.ts';

const marker = markerOf('0123456789abcdef');

test('the output before the marker comes out whole, however it is cut', () => {
  const tricky = Buffer.concat([
    Buffer.from('a\u0001b'),
    marker.subarray(0, 9),
    Buffer.from('c\u0001'),
  ]);
  const bytes = Buffer.concat([tricky, marker, Buffer.from('after')]);
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new MarkerSplitter(marker);
    const parts: Buffer[] = [];
    let ended = false;
    for (let at = 0; at < bytes.length && !ended; at += size) {
      const step = splitter.push(bytes.subarray(at, at + size));
      parts.push(step.output);
      ended = step.ended;
    }
    expect(ended).toBe(true);
    expect(Buffer.concat(parts).toString()).toBe(tricky.toString());
  }
});

test('what is held back is given when the stream ends', () => {
  const splitter = new MarkerSplitter(marker);
  const { output, ended } = splitter.push(Buffer.concat([Buffer.from('x'), marker.subarray(0, 5)]));
  expect([output.toString(), ended]).toEqual(['x', false]);
  expect(splitter.rest()).toEqual(marker.subarray(0, 5));
});

test('another cell’s marker is plain output', () => {
  const other = markerOf('ffffffffffffffff');
  const { output } = new MarkerSplitter(marker).push(Buffer.concat([other, marker]));
  expect(output).toEqual(other);
});
