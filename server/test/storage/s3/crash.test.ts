import { expect, inject, test } from 'vitest';
import { blobs } from '../../../../soak/blobs.ts';

test('every acknowledged file survives kill -9 of the server and of S3', async () => {
  const said: string[] = [];
  await blobs({
    ...{ seed: 7, runs: 10, cephConf: inject('cephConf') },
    say: (line) => void said.push(line),
  });
  expect(said.filter((line) => line.startsWith('run '))).toHaveLength(10);
}, 600_000);
