import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

type Report = {
  summary: {
    violations: { rule: { name: string }; from: string; to: string }[];
    totalCruised: number;
  };
};

/** Imports that break a rule of .dependency-cruiser.mjs, and how many modules were looked at. */
async function cruise(...paths: string[]): Promise<Report['summary']> {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [program, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...paths];
  const { stdout } = await run(process.execPath, args, { cwd: root, maxBuffer: 2 ** 28 }).catch(
    (error: { stdout: string }) => error,
  );
  return (JSON.parse(stdout) as Report).summary;
}

test('imports point down the layers, and in no circle', async () => {
  const { violations, totalCruised } = await cruise(
    'resource/src',
    'markdown/src',
    'elim/src',
    'server/src',
    'cli/src',
    'web/src',
  );
  expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
  expect(totalCruised).toBeGreaterThan(150);
}, 120_000);

test('only config.ts reads the environment', async () => {
  const files = (await readdir(join(root, 'server/src'), { recursive: true })).filter((name) =>
    name.endsWith('.ts'),
  );
  const readers = [];
  for (const file of files) {
    const text = await readFile(join(root, 'server/src', file), 'utf8');
    if (/(?<!Object\.assign\()process\.env\b/.test(text)) readers.push(file);
  }
  // config.ts is handed the environment by the command that starts the server.
  expect(readers).toEqual([]);
});
