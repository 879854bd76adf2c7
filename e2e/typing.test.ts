import { expect, test } from 'vitest';
import { typing } from '../soak/typing.ts';

/** `npm run soak -- typing` goes on for longer. */
test('13 typed, pasted and undone at random, a text is as it was typed on the page and in its file', {
  timeout: 240_000,
}, async () => {
  const said: string[] = [];
  await typing({ seed: 13, runs: 20, say: (line) => void said.push(line) });
  expect(said).toHaveLength(20);
});
