import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { toTopLevel } from '../../src/runtimes/wasm/top-level.ts';

const plain: [string, string][] = [
  ['const a = 1; a', 'var a = 1; a'],
  [
    'let a; for (let i = 0; i < 3; i++) { const b = i; }',
    'var a; for (let i = 0; i < 3; i++) { const b = i; }',
  ],
  ["'; const a'", "'; const a'"],
  ['`\nconst a\n`', '`\nconst a\n`'],
  ['class A {} new A()', 'var A = class A {}; new A()'],
  ['function f() { const x = 1; }', 'function f() { const x = 1; }'],
  ['const const', 'const const'],
];

test.each(plain)('%j', (source, expected) => {
  expect(toTopLevel(source)).toBe(expected);
});

const awaiting: [string, unknown][] = [
  ['const a = await 3; a + 1', 4],
  ['const { b, c: [d, ...e], f = 6 } = await { b: 1, c: [2, 3] }; [b, d, e, f]', [1, 2, [3], 6]],
  [
    'let n = await 1, m\nfunction twice(x) { return x * 2 }\nclass K { k = 5 }\ntwice(n) + new K().k',
    7,
  ],
  ['for await (const x of [1]) { if (x) 1 }', undefined],
  ['await 1\n// a comment at the end', 1],
];

test.each(awaiting)('%j gives its last value', async (source, expected) => {
  expect(JSON.stringify(await runInNewContext(toTopLevel(source)))).toBe(JSON.stringify(expected));
});

test('what an awaiting cell declares is there for the next', async () => {
  const context = {};
  await runInNewContext(toTopLevel('const a = await 3; function f() { return a }'), context);
  expect(runInNewContext(toTopLevel('const a = f() + 1; a'), context)).toBe(4);
});
