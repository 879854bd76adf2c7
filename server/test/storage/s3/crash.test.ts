import { expect, test } from 'vitest';
import { blobs } from '../../../../soak/blobs.ts';
import { cephConf } from './support.ts';

/** `npm run soak -- blobs` makes 200 runs with any seed; the first of this one kill the server, S3 and both. */
test('every acknowledged file survives kill -9 of the server and of S3', async () => {
  const said: string[] = [];
  await blobs({
    ...{ seed: 7, runs: 10, cephConf },
    say: (line) => void said.push(line),
  });
  expect(said.filter((line) => line.startsWith('run '))).toHaveLength(10);
}, 600_000);
