import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kyozo, run } from '../../server/test/start/process.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-tasks-test-'));
  for (const path of [
    'a.md',
    'out/b.md',
    'out/kept.md',
    'docs/c.md',
    'docs/drafts/d.md',
    'e.tmp.md',
  ])
    await write(path, `\`\`\`sh {name=${path.replace(/\W/g, '-')}}\ntrue\n\`\`\`\n`);
  await write('node_modules/x/f.md', '```sh {name=foreign}\ntrue\n```\n');
  await write('.gitignore', 'out/*\n!out/kept.md\n*.tmp.md\n');
  await write('docs/.gitignore', '/drafts\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}
const namesIn = async (place: string) => {
  const { stdout, stderr, code } = await kyozo(['tasks', place], {});
  expect([stderr, code]).toEqual(['', 0]);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0]);
};

test('13.A10 kyozo tasks leaves out what .gitignore excludes, in a repository and outside', async () => {
  expect(await namesIn(folder)).toEqual(['a-md', 'docs-c-md', 'out-kept-md']);
  await run('git', ['init', '-q', folder]);
  expect(await namesIn(folder)).toEqual(['a-md', 'docs-c-md', 'out-kept-md']);
  expect(await namesIn(join(folder, 'out'))).toEqual(['out-kept-md']);
  // By git's rules a file that is tracked is not ignored.
  await run('git', ['-C', folder, 'add', '-f', 'e.tmp.md']);
  expect(await namesIn(folder)).toEqual(['a-md', 'docs-c-md', 'e-tmp-md', 'out-kept-md']);
});

test('13.A10 kyozo tasks starts no program that a repository names', async () => {
  await run('git', ['init', '-q', folder]);
  const mark = join(folder, 'started');
  await run('git', ['-C', folder, 'config', 'core.fsmonitor', `touch ${mark}`]);
  await namesIn(folder);
  await expect(run('ls', [mark])).resolves.not.toMatchObject({ code: 0 });
});
