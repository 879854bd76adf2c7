import { lstat, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cells, isMarkdown } from '@kyozo/markdown';
import { filesBelow } from '../git-files.ts';

/** Folders that hold other people's text, also where git does not ignore them. */
const foreign = new Set(['node_modules', '.venv', 'vendor']);

/** `kyozo tasks [DIR]`: the tasks of a folder's Markdown files: name, language, file, dependencies. */
export async function tasks(args: readonly string[]): Promise<number> {
  const root = resolve(args[0] ?? '.');
  for (const path of await markdownBelow(root)) {
    for (const cell of cells(await readFile(join(root, path), 'utf8'))) {
      if (!cell.language) continue;
      const after = cell.attributes.dependsOn ? `\tafter ${cell.attributes.dependsOn}` : '';
      console.log(`${cell.name}\t${cell.language}\t${path}${after}`);
    }
  }
  return 0;
}

async function markdownBelow(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await filesBelow(root)) {
    const isForeign = path.split('/').some((part) => foreign.has(part));
    if (isForeign || !isMarkdown(path)) continue;
    // A link leads elsewhere, and a file that git knows may be gone.
    const info = await lstat(join(root, path)).catch(() => undefined);
    if (info?.isFile()) found.push(path);
  }
  return found.sort();
}
