import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { Ceph, hasCeph } from '../../../scripts/ceph.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A real S3, or nothing where Ceph is not installed. */
    s3Endpoint: string | undefined;
    /** The settings of its cluster. */
    cephConf: string | undefined;
  }
}

/** One Ceph for the run. It takes twenty seconds to start, while others run; its tests wait for it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!hasCeph()) {
    console.warn('NOT TESTED: S3, because Ceph (radosgw, ceph-mon, ceph-osd) is not installed.');
    project.provide('s3Endpoint', undefined);
    project.provide('cephConf', undefined);
    return async () => undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-ceph-'));
  const { ceph, started } = await Ceph.begin(folder);
  const settled = started.catch((error) => console.error('Ceph did not start.', error));
  project.provide('s3Endpoint', ceph.endpoint);
  project.provide('cephConf', ceph.conf);
  return async () => {
    await settled;
    await ceph.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
