import { readdir, readFile } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { cells, isMarkdown } from '@kyozo/markdown';

/** Folders that hold other people's text. */
const ignored = new Set(['.git', 'node_modules', '.venv', 'vendor']);

/** `kyozo tasks [DIR]`: the tasks of a folder's Markdown files: name, language, file, dependencies. */
export async function tasks(args: readonly string[]): Promise<number> {
  const root = resolve(args[0] ?? '.');
  for (const path of await markdownBelow(root, '')) {
    for (const cell of cells(await readFile(join(root, path), 'utf8'))) {
      if (!cell.language) continue;
      const after = cell.attributes.dependsOn ? `\tafter ${cell.attributes.dependsOn}` : '';
      console.log(`${cell.name}\t${cell.language}\t${path}${after}`);
    }
  }
  return 0;
}

async function markdownBelow(root: string, at: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(root, at), { withFileTypes: true })) {
    const path = posix.join(at, entry.name);
    if (entry.isDirectory() && !ignored.has(entry.name))
      found.push(...(await markdownBelow(root, path)));
    else if (entry.isFile() && isMarkdown(entry.name)) found.push(path);
  }
  return found.sort();
}
