import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('every test that the page of threats names exists, and every row is there', async () => {
  const page = await readFile(join(root, 'docs/threats.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  const due = [...Array(88).keys()].map((it) => it + 1);
  expect(rows).toEqual(due.filter((row) => row < 23 || row > 37));
  const named = [...page.matchAll(/`([\w/.-]+\.ts)` "([^"]+)"/g)];
  expect(named.length).toBeGreaterThan(35);
  for (const [, path, name] of named) {
    const text = await readFile(join(root, path!), 'utf8');
    const titles = [...text.matchAll(/(['"])((?:\\.|(?!\1).)*)\1,\s*(async )?[({(]/g)].map(
      (it) => it[2]!,
    );
    expect([path, name, titles.some((title) => title.startsWith(name!))]).toEqual([
      path,
      name,
      true,
    ]);
  }
});
