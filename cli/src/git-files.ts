import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from './client.ts';

const run = promisify(execFile);
/** A repository's settings could name a program for git to start. */
const safely = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];
const list = ['ls-files', '-z', '--others', '--exclude-standard'];

/**
 * The files below a folder that git does not ignore, by git's own rules, whether the folder is in a
 * repository or not. @throws UsageError where there is no such folder
 */
export async function filesBelow(root: string): Promise<string[]> {
  const info = await stat(root).catch(() => undefined);
  if (!info?.isDirectory()) throw new UsageError(`There is no folder ${root}.`);
  const isInside = await git(root, ['rev-parse', '--is-inside-work-tree']).catch(() => '');
  const listed = isInside.startsWith('true')
    ? await git(root, [...list, '--cached', '--deduplicate'])
    : await withoutRepository(root);
  return listed.split('\0').filter(Boolean);
}

/** Lends the folder an empty repository, because git knows ignored files by one only. */
async function withoutRepository(root: string): Promise<string> {
  const lent = await mkdtemp(join(tmpdir(), 'kyozo-tasks-'));
  try {
    await run('git', ['init', '-q', lent]);
    return await git(root, [`--git-dir=${join(lent, '.git')}`, `--work-tree=${root}`, ...list]);
  } finally {
    await rm(lent, { recursive: true, force: true });
  }
}

async function git(root: string, args: readonly string[]): Promise<string> {
  const options = { maxBuffer: 2 ** 28 };
  return (await run('git', [...safely, '-C', root, ...args], options)).stdout;
}
