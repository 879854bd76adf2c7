import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { accessKeyId, secretAccessKey } from '../../../../scripts/ceph.ts';
import type { S3Settings } from '../../../src/storage/s3.ts';

/** Where the real S3 is; undefined where it is not installed, which the setup says. */
export const endpoint: string | undefined = inject('s3Endpoint');

export const newBucket = (): string => `kyozo-${randomBytes(8).toString('hex')}`;

export const settings = (at: string, bucket = newBucket(), silence?: number): S3Settings => ({
  ...{ endpoint: at, bucket, region: 'us-east-1', accessKeyId, secretAccessKey },
  forcePathStyle: true,
  ...(silence === undefined ? {} : { silence }),
});
