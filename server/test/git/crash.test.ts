import { test } from 'vitest';
import { push } from '../../../soak/push.ts';

/** `npm run soak -- push` makes 1,000 runs with any seed; these are the first of them. */
test(
  'kill -9 during pushes leaves refs old or new, the repository whole and the database agreeing',
  {
    timeout: 300_000,
  },
  () => push({ seed: 1, runs: 3 }),
);
