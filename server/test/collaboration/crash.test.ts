import { test } from 'vitest';
import { crash } from '../../../soak/crash.ts';

/** `npm run soak -- crash` makes 200 runs with any seed; the first of this one kill the server, its database and both. */
test(
  'what was acknowledged survives kill -9 of the server and its database',
  {
    timeout: 600_000,
  },
  () => crash({ seed: 7, runs: 5 }),
);
