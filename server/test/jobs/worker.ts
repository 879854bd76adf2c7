import { Queue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';

declare module '../../src/jobs/queue.ts' {
  interface JobData {
    /** A job of the tests. */
    probe: { number: number };
  }
}

/** A worker that takes a job and never ends it; the test kills it. */
if (process.argv[2]) {
  const queue = await Queue.open(process.argv[2], createLog('silent'));
  await queue.start({
    name: 'probe',
    run: () => {
      process.stdout.write('taken\n');
      return new Promise(() => undefined);
    },
  });
  process.stdout.write('ready\n');
}
