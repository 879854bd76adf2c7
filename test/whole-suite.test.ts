import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

/** Runs after all others, see vitest.config.ts. */
const folder = process.env.FAULTS_FOLDER!;
const open = 'open.txt';
afterAll(() => rm(folder, { recursive: true, force: true }));

test('no process of the whole suite had an uncaught error or rejection', async () => {
  const names = (await readdir(folder)).filter((name) => name !== open);
  const faults = names.map((name) => readFile(join(folder, name), 'utf8'));
  expect(await Promise.all(faults)).toEqual([]);
});

test('B5 nobody else on the machine could read what a server of the suite has kept', async () => {
  expect(await readFile(join(folder, open), 'utf8').catch(() => '')).toBe('');
});
