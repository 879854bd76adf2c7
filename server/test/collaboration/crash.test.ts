import { test } from 'vitest';
import { crash } from '../../../soak/crash.ts';

/** `npm run soak -- crash` makes 200 runs with any seed; these are the first of them, as many as half a minute holds. */
test(
  'what was acknowledged survives kill -9 of the server and its database',
  {
    timeout: 600_000,
  },
  () => crash({ seed: 1, runs: 10 }),
);
