import { expect, test } from 'vitest';
import { pushers } from '../../../soak/pushers.ts';

/** `npm run soak -- pushers` lets a hundred push. */
test('twenty who push at once all land', { timeout: 120_000 }, async () => {
  const said: string[] = [];
  await pushers({ seed: 7, runs: 20, say: (line) => void said.push(line) });
  expect(said[0]).toMatch(/^20 pushes are there/);
});
