/** Which names and kinds of entries a pushed folder may hold, and which names a ref. Pure. */
import type { TreeEntry } from '../storage/git/objects.ts';
import { isRefName } from '../storage/git/refs.ts';
import { checkPath, foldPath } from '../storage/path-rules.ts';

const SYMLINK = '120000';
const SUBMODULE = '160000';
const KNOWN_MODES = new Set(['100644', '100755', '100664', '40000']);
/** The file system's limit, with room for git's `.lock`. */
const MAX_REF_PART = 250;
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it takes out
  /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/g;

/** Why an entry may not be in a workspace: its name and a sentence's rest; undefined when all may. */
export function findBadEntry(
  entries: readonly TreeEntry[],
): { name: string; problem: string } | undefined {
  const byFold = new Map<string, string>();
  for (const { mode, name } of entries) {
    const problem = problemOf(mode, name, byFold);
    if (problem) return { name, problem };
    byFold.set(foldPath(name), name);
  }
  return undefined;
}

function problemOf(mode: string, name: string, byFold: Map<string, string>): string | undefined {
  if (mode === SYMLINK) return 'is a symbolic link; a workspace holds files only.';
  if (mode === SUBMODULE) return 'is a submodule; a workspace holds files only.';
  if (!KNOWN_MODES.has(mode)) return 'is neither a file nor a folder.';
  // What is no UTF-8 was decoded to this character.
  if (name.includes('\ufffd')) return 'has a name that is not valid UTF-8.';
  const refused = name.includes('/') ? undefined : checkPath(name);
  if (name.includes('/')) return 'has a slash in its name.';
  if (refused) return `is refused. ${refused.message}`;
  const other = byFold.get(foldPath(name));
  if (other !== undefined) {
    return `clashes with ${printable(other)}: they differ only in case or in the form of Unicode.`;
  }
  return undefined;
}

/** Why a ref's name is refused, or undefined. */
export function checkRefName(name: string): string | undefined {
  if (!/^refs\/(heads|tags)\/./.test(name)) return 'only branches and tags can be pushed here';
  const short = name.slice(name.indexOf('/', 5) + 1);
  const control = /[\u0080-\u009f\u2028\u2029\ufffd]/.test(name) || !name.isWellFormed();
  if (!isRefName(name) || control) return 'git does not allow this name';
  if (short.startsWith('-')) return 'a name must not begin with a dash';
  if (short === 'HEAD') return 'a branch or tag must not be called HEAD';
  const long = name.split('/').some((part) => Buffer.byteLength(part) > MAX_REF_PART);
  if (long || Buffer.byteLength(name) > 1024) return 'the name is too long';
  return undefined;
}

/** Text of a client for a line on a terminal: no control characters, not endless. */
export function printable(text: string): string {
  const plain = text.replace(INVISIBLE, '?');
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain;
}
