export type PathProblemCode =
  | 'empty'
  | 'absolute'
  | 'control'
  | 'encoding'
  | 'backslash'
  | 'segment'
  | 'git'
  | 'trailing'
  | 'stream'
  | 'length';

/** Why a path is refused: a code for programs and a public sentence. */
export type PathProblem = { code: PathProblemCode; message: string };

const MESSAGES: Record<PathProblemCode, string> = {
  empty: 'The path is empty.',
  absolute: 'The path must be relative.',
  control: 'The path contains a control character.',
  encoding: 'The path is not valid Unicode.',
  backslash: 'The path contains a backslash.',
  segment: 'The path contains an empty, "." or ".." segment.',
  git: 'The path contains a form of ".git".',
  trailing: 'A segment of the path ends with a dot or a space.',
  stream: 'The path names an NTFS stream.',
  length: 'A segment is longer than 255 bytes or the path longer than 4096.',
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const MAX_SEGMENT = 255;
const MAX_PATH = 4096;
/** HFS+ drops these when it compares names, so `.g\u200cit` would be `.git` on a Mac. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** The first rule that a workspace path breaks, or undefined when it may be used. */
export function checkPath(path: string): PathProblem | undefined {
  const code = findProblem(path);
  return code && { code, message: MESSAGES[code] };
}

/** A key that is equal for two paths that clash on a file system that folds case or Unicode. */
export function foldPath(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function findProblem(path: string): PathProblemCode | undefined {
  if (path === '') return 'empty';
  if (path.startsWith('/') || /^[a-z]:[\\/]/i.test(path)) return 'absolute';
  if (CONTROL.test(path)) return 'control';
  if (!path.isWellFormed()) return 'encoding';
  if (path.includes('\\')) return 'backslash';
  if (Buffer.byteLength(path) > MAX_PATH) return 'length';
  for (const segment of path.split('/')) {
    const code = findSegmentProblem(segment);
    if (code) return code;
  }
  return undefined;
}

function findSegmentProblem(segment: string): PathProblemCode | undefined {
  if (segment === '' || segment === '.' || segment === '..') return 'segment';
  if (isGit(segment)) return 'git';
  if (/[. ]$/.test(segment)) return 'trailing';
  if (segment.includes('::')) return 'stream';
  if (Buffer.byteLength(segment) > MAX_SEGMENT) return 'length';
  return undefined;
}

function isGit(segment: string): boolean {
  const plain = segment
    .replace(HFS_IGNORED, '')
    .replace(/:.*$/, '')
    .replace(/[. ]+$/, '');
  return /^(\.git|git~[1-9])$/i.test(plain);
}
