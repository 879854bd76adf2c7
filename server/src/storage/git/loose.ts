/** Writes loose objects and, apart from that, makes them durable. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../durable.ts';
import { errorCode } from '../errors.ts';
import { type Entry, isWhole } from './journal.ts';
import { loosePath, repositoryFolder, temporaryFolder } from './layout.ts';

const PARALLEL = 8;

/** Writes the object's file whole or not at all; without a sync. Returns its path. */
export function writeLoose(root: string, entry: Entry): string {
  const path = loosePath(repositoryFolder(root, entry.repository), entry.oid);
  const temporary = join(temporaryFolder(root), randomUUID());
  const fd = openSync(temporary, 'wx', 0o444);
  try {
    for (let at = 0; at < entry.deflated.length; ) at += writeSync(fd, entry.deflated, at);
  } finally {
    closeSync(fd);
  }
  moveIntoPlace(temporary, path);
  return path;
}

/** Writes the object again unless its file is already right; nothing when the repository is gone. */
export function restoreLoose(root: string, entry: Entry): string | undefined {
  const repository = repositoryFolder(root, entry.repository);
  if (!existsSync(repository)) return undefined;
  const path = loosePath(repository, entry.oid);
  const right = existsSync(path) && isWhole({ ...entry, deflated: readFileSync(path) });
  return right ? path : writeLoose(root, entry);
}

/** Makes files of loose objects, and the folders that name them, survive a power loss. */
export async function syncLoose(paths: Iterable<string>): Promise<void> {
  const files = [...paths];
  const folders = new Set(files.map(dirname));
  await inParallel(files, syncFile);
  await inParallel([...folders], syncFolder);
  await inParallel([...new Set([...folders].map(dirname))], syncFolder);
}

/** Renames into the fan-out folder, which is made when it is missing. */
export function moveIntoPlace(temporary: string, path: string): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path));
    renameSync(temporary, path);
  }
}

async function inParallel<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error) => {
    // Packed or purged since; either way no longer ours to keep.
    if (errorCode(error) !== 'ENOENT') throw error;
  });
  await handle?.sync().finally(() => handle.close());
}
