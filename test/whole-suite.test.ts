import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

/** Runs after all others, see vitest.config.ts. */
const folder = process.env.FAULTS_FOLDER!;
afterAll(() => rm(folder, { recursive: true, force: true }));

test('no process of the whole suite had an uncaught error or rejection', async () => {
  const names = await readdir(folder);
  const faults = names.map((name) => readFile(join(folder, name), 'utf8'));
  expect(await Promise.all(faults)).toEqual([]);
});
