import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomOf } from '../server/test/collaboration/random.ts';
import { type Variant, variants } from './mutants/variants.ts';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Breaks the product on purpose, one way at a time in a copy, and expects the named test to fail. */
export async function mutants({
  seed,
  runs,
  say,
}: {
  seed: number;
  runs: number;
  say: (line: string) => void;
}): Promise<void> {
  const copy = await copyOfTree();
  const random = randomOf(seed);
  const some = [...variants].sort(() => random() - 0.5).slice(0, runs);
  const survivors: string[] = [];
  try {
    for (const variant of some) {
      const caught = await isCaught(copy, variant);
      say(`${caught ? 'caught  ' : 'SURVIVED'} ${variant.name} (${variant.test})`);
      if (!caught) survivors.push(variant.name);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  if (survivors.length > 0) throw new Error(`Nobody noticed: ${survivors.join('; ')}`);
}

async function isCaught(copy: string, { file, find, replace, test, named }: Variant) {
  const path = join(copy, file);
  const text = await readFile(path, 'utf8');
  // The copy shares its files with the tree: a new one takes the place of what is changed.
  await unlink(path);
  await writeFile(
    path,
    text.replace(find, () => replace),
  );
  const only = named ? ['-t', named] : [];
  try {
    await run(join(copy, 'node_modules/.bin/vitest'), ['run', test, ...only], { cwd: copy });
    return false;
  } catch (error) {
    const { stdout = '' } = error as { stdout?: string };
    // A test must have failed, or the server refused to start: not merely the program of the tests.
    if (/\bfailed\b/.test(stdout)) return true;
    throw error;
  } finally {
    await unlink(path);
    await writeFile(path, text);
  }
}

/** What git tracks, and the packages as hard links, beside the tree so that links can be made. */
async function copyOfTree(): Promise<string> {
  const copy = await mkdtemp(join(root, '..', '.kyozo-mutants-'));
  const { stdout } = await run('git', ['ls-files', '-z'], { cwd: root, maxBuffer: 2 ** 26 });
  for (const file of stdout.split('\0').filter(Boolean))
    await cp(join(root, file), join(copy, file), { recursive: true });
  for (const folder of ['node_modules', 'server/node_modules', 'cli/node_modules'])
    await run('cp', ['-al', join(root, folder), join(copy, folder)]).catch(() => undefined);
  return copy;
}
