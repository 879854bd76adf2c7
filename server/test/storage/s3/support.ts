import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { inject } from 'vitest';
import { accessKeyId, secretAccessKey } from '../../../../scripts/ceph.ts';
import type { S3Settings } from '../../../src/storage/s3.ts';

/** Where the real S3 is; undefined where it is not installed, which the setup says. */
export const endpoint: string | undefined = inject('s3Endpoint');

/** The settings of its cluster. */
export const cephConf: string | undefined = inject('cephConf');

if (endpoint !== undefined) await untilAnswered(endpoint);

export const newBucket = (): string => `kyozo-${randomBytes(8).toString('hex')}`;

export const settings = (at: string, bucket = newBucket(), silence?: number): S3Settings => ({
  ...{ endpoint: at, bucket, region: 'us-east-1', accessKeyId, secretAccessKey },
  forcePathStyle: true,
  ...(silence === undefined ? {} : { silence }),
});

/** The gateway is the last part of Ceph that starts. */
async function untilAnswered(url: string): Promise<void> {
  for (const end = performance.now() + 120_000; performance.now() < end; await pause(100)) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
  }
  throw new Error('Ceph did not start; the setup of the tests says why.');
}
