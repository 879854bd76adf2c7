/** `npm run check`: format, lint, types and dead code, in one go; every part runs, then it fails. */
import { spawnSync } from 'node:child_process';

type Part = { name: string; command: string; args: string[]; cwd?: string };
const svelteCheck = ['--tsconfig', './tsconfig.json', '--fail-on-warnings'];
const parts: Part[] = [
  { name: 'format and lint', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', 'tsconfig.json'] },
  { name: 'types of the editor', command: 'svelte-check', args: svelteCheck, cwd: 'elim' },
  { name: 'types of the web app', command: 'svelte-check', args: svelteCheck, cwd: 'web' },
  { name: 'dead code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
];

const failed = parts.filter(({ name, command, args, cwd }) => {
  console.log(`\n— ${name}`);
  return spawnSync(command, args, { stdio: 'inherit', cwd }).status !== 0;
});
const names = failed.map(({ name }) => name).join(', ');
console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${names}`);
process.exitCode = failed.length === 0 ? 0 : 1;
