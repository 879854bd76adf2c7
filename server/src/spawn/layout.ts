import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openToReaders } from '../file-modes.ts';
import { isRunning } from '../running.ts';
import { openShelter, shelter } from './shelter.ts';

const layouts = new Map<string, Promise<string>>();
const folders = new Set<string>();

/**
 * A folder that sandboxes may read, whoever they run as: filled once in a process, and gone with it.
 * What a killed process has left is removed. `name` tells layouts apart.
 */
export function layOut(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  let layout = layouts.get(name);
  if (!layout) {
    layout = make(name, fill);
    layouts.set(name, layout);
    layout.catch(() => layouts.delete(name));
  }
  return layout;
}

async function make(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  // The shelter rather than a temporary folder, which some systems empty of what is old.
  const asRoot = process.getuid?.() === 0;
  const base = asRoot ? shelter : tmpdir();
  if (asRoot) await openShelter();
  await removeAbandoned(base, name);
  if (folders.size === 0) process.once('exit', removeAll);
  const folder = await mkdtemp(join(base, `kyozo-${name}-${process.pid}-`));
  folders.add(folder);
  await fill(folder);
  await openToReaders(folder);
  return folder;
}

async function removeAbandoned(base: string, name: string): Promise<void> {
  const start = `kyozo-${name}-`;
  for (const found of await readdir(base)) {
    if (!found.startsWith(start)) continue;
    const pid = Number.parseInt(found.slice(start.length), 10);
    if (pid > 0 && !isRunning(pid))
      await rm(join(base, found), { recursive: true, force: true }).catch(() => undefined);
  }
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
