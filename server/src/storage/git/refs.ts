/**
 * Moves refs: atomic for readers, and by git's own lock protocol. Nothing is synced: the database says
 * where refs point, and every visit puts right what a power loss has kept them from.
 */
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, StorageUnavailable } from '../errors.ts';
import { isOid } from './layout.ts';

const LOCK_WAIT_MS = 20;
/** A lock lives for milliseconds; this old, its holder was killed. */
const STALE_LOCK_MS = 10_000;

/** Sets a ref, or removes it with null. Errors: TypeError for a name or id that git refuses. */
export async function setRef(repository: string, ref: string, oid: string | null): Promise<void> {
  if (!isRefName(ref) || (oid !== null && !isOid(oid))) throw new TypeError('bad ref or object id');
  const path = join(repository, ref);
  await mkdir(dirname(path), { recursive: true });
  if (oid !== null) await clearFolder(path);
  const lock = await takeLock(`${path}.lock`);
  try {
    if (oid !== null) await lock.writeFile(`${oid}\n`);
    if (oid === null) await rm(path, { force: true });
  } catch (error) {
    await rm(`${path}.lock`, { force: true });
    throw error;
  } finally {
    await lock.close();
  }
  // The lock is given up by this alone: a file of its name may be another's the moment after.
  if (oid !== null) await rename(`${path}.lock`, path);
  else await rm(`${path}.lock`, { force: true });
}

/** Branches and tags by name. Packed refs are not looked at: nothing here packs them. */
export async function listRefs(repository: string): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  for (const start of ['refs/heads', 'refs/tags']) {
    const found = await readdir(join(repository, start), { recursive: true, withFileTypes: true });
    for (const entry of found) {
      const name = relative(repository, join(entry.parentPath, entry.name));
      if (!entry.isFile() || name.endsWith('.lock')) continue;
      const oid = await readRef(repository, name);
      if (oid !== undefined) refs.set(name, oid);
    }
  }
  return refs;
}

/** What a ref's file says; undefined when it has none. Packed refs are not looked at. */
export async function readRef(repository: string, ref: string): Promise<string | undefined> {
  try {
    return (await readFile(join(repository, ref), 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new StorageUnavailable(error);
  }
}

/** Git's rules for names, kept to branches and tags. */
export function isRefName(ref: string): boolean {
  if (!/^refs\/(heads|tags)\/./.test(ref) || ref.length > 1024) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them in names
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$/.test(ref)) return false;
  return ref.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

/** Removes the empty folders that branches below this name have left. */
async function clearFolder(path: string): Promise<void> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) return;
  const below = await readdir(path, { recursive: true });
  for (const name of below.sort().reverse()) await rmdir(join(path, name)).catch(() => undefined);
  await rmdir(path).catch(() => undefined);
}

async function takeLock(path: string) {
  for (;;) {
    try {
      return await open(path, 'wx', 0o644);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      await removeStale(path);
      await sleep(LOCK_WAIT_MS);
    }
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > STALE_LOCK_MS) await unlink(path).catch(() => {});
}
