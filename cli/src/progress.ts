import type { RecordObject } from './client.ts';

/** Says on a terminal how far a transfer is. */
export const showProgress =
  (wanted: boolean) =>
  ({ attributes }: RecordObject): void => {
    if (!wanted || !process.stderr.isTTY || attributes.total === null) return;
    process.stderr.write(`\r${attributes.done} of ${attributes.total}`);
    if (attributes.finishedAt !== null) process.stderr.write('\n');
  };
