import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { variants } from '../soak/mutants/variants.ts';

test('there are at least twenty ways to break it, each still possible', async () => {
  expect(variants.length).toBeGreaterThanOrEqual(20);
  for (const { name, file, find, replace } of variants) {
    const text = await readFile(join(import.meta.dirname, '..', file), 'utf8');
    expect([name, text.split(find).length]).toEqual([name, 2]);
    expect([name, replace]).not.toEqual([name, find]);
  }
});
