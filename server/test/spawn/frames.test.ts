import { expect, test } from 'vitest';
import {
  encodeCredit,
  encodeFrame,
  encodeJson,
  type Frame,
  FrameDecoder,
  Kind,
} from '../../src/spawn/frames.ts';

test('frames survive any cut of the byte stream', () => {
  const bytes = Buffer.concat([
    encodeFrame(Kind.Data, 7, 1, Buffer.from('hello')),
    encodeJson(Kind.Exit, 0xffffffff, { code: 1 }),
    encodeFrame(Kind.End, 7, 2),
    encodeCredit(9, 3, 65536),
  ]);
  for (let size = 1; size <= bytes.length; size++) {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      frames.push(...decoder.push(bytes.subarray(at, at + size)));
    }
    expect(frames.map(({ kind, child, fd }) => [kind, child, fd])).toEqual([
      [Kind.Data, 7, 1],
      [Kind.Exit, 0xffffffff, 0],
      [Kind.End, 7, 2],
      [Kind.Credit, 9, 3],
    ]);
    expect(frames[0]!.payload.toString()).toBe('hello');
    expect(JSON.parse(frames[1]!.payload.toString())).toEqual({ code: 1 });
    expect(frames[2]!.payload.length).toBe(0);
    expect(frames[3]!.payload.readUInt32BE(0)).toBe(65536);
  }
});

test('a length that no peer sends is refused', () => {
  for (const length of [0, 5, 0xffffffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length, 0);
    expect(() => [...new FrameDecoder().push(bytes)]).toThrow('bad frame length');
  }
});

test('an unknown kind is refused', () => {
  const bytes = encodeFrame(Kind.Data, 1, 1);
  bytes[4] = 99;
  expect(() => [...new FrameDecoder().push(bytes)]).toThrow('unknown frame kind');
});
