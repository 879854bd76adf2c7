import { test } from 'vitest';
import { hostile } from '../soak/hostile.ts';

/** `npm run soak -- hostile` does it for ten minutes with any seed. */
test(
  'A1 to A8 every attack in random mixtures: no exit, quick signs of life, nothing of others lost',
  { timeout: 240_000 },
  () => hostile({ seed: 12, runs: 30, say: () => undefined }),
);
