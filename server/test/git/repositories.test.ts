import { test } from 'vitest';
import { repositories } from '../../../soak/repositories.ts';

test(
  '13 repositories made at random keep ids, histories, modes and bytes',
  {
    timeout: 300_000,
  },
  () => repositories({ seed: 1, runs: 5 }),
);
