/** `npm run check`: format, lint, types and dead code, in one go; every part runs, then it fails. */
import { spawnSync } from 'node:child_process';

const parts: [name: string, command: string, args: string[]][] = [
  ['format and lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['types', 'tsc', ['--noEmit', '-p', 'tsconfig.json']],
  [
    'types of the editor',
    'svelte-check',
    ['--workspace', 'elim', '--tsconfig', 'elim/tsconfig.json', '--fail-on-warnings'],
  ],
  [
    'types of the web app',
    'svelte-check',
    ['--workspace', 'web', '--tsconfig', 'web/tsconfig.json', '--fail-on-warnings'],
  ],
  ['dead code', 'knip', ['--no-progress']],
];

const failed = parts.filter(([name, command, args]) => {
  console.log(`\n— ${name}`);
  return spawnSync(command, args, { stdio: 'inherit' }).status !== 0;
});
console.log(
  failed.length === 0
    ? '\nAll checks passed.'
    : `\nFailed: ${failed.map(([name]) => name).join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
