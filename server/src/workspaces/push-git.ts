/** Runs git's own programs for a push, bounded in memory and time. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Child } from '../spawn/child.ts';
import type { Spawner } from '../spawn/spawner.ts';
import { GIT_ENVIRONMENT } from '../storage/git/environment.ts';

/** A repository as one push sees it: `objects` is where new objects go, `base` where the old ones are. */
export type GitView = { repository: string; objects?: string };

const MEMORY_KIB = 2 * 2 ** 20;
const CPU_SECONDS = 120;
/** The shell's limits bind git and its threads; what the machine cannot limit is left. Git takes over the process. */
const SCRIPT = `ulimit -v ${MEMORY_KIB} 2>/dev/null; ulimit -t ${CPU_SECONDS} 2>/dev/null; exec git "$@"`;
/** Deltas are undone in memory: caches are small, so that the limit of memory is for the objects. */
const SETTINGS = ['safe.directory=*', 'core.hooksPath=/dev/null', 'pack.threads=1']
  .concat(['core.packedGitLimit=256m', 'core.packedGitWindowSize=16m', 'core.bigFileThreshold=32m'])
  .concat(['core.deltaBaseCacheLimit=64m', 'core.fsync=all', 'core.quotePath=false'])
  .flatMap((setting) => ['-c', setting]);

/**
 * Starts git on a view; `args` hold nothing that a client wrote but checked object ids. `alone` looks at
 * the new objects only.
 */
export function startGit(
  spawner: Spawner,
  view: GitView,
  args: readonly string[],
  alone?: 'alone',
): Child {
  const quarantine = view.objects && {
    GIT_OBJECT_DIRECTORY: view.objects,
    ...(!alone && {
      GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(`${view.repository}/objects`),
    }),
  };
  const env = { ...GIT_ENVIRONMENT, ...quarantine, GIT_DIR: view.repository };
  return spawner.spawn('sh', ['-c', SCRIPT, 'git', ...SETTINGS, ...args], { cwd: '/', env });
}

/** What git ended with. Errors: SpawnFailed. */
export async function endOf(child: Child): Promise<{ code: number | null; complaint: string }> {
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < 16_384) complaint += text;
  });
  const ended = child.stderr.closed
    ? undefined
    : once(child.stderr, 'close').catch(() => undefined);
  const { code } = await child.exited;
  await ended;
  return { code, complaint };
}

/** Feeds a child; that it stops reading is no error here, its exit code tells. */
export function feed(child: Child, input: NodeJS.ReadableStream | Iterable<string>): Promise<void> {
  return pipeline(input, child.stdin).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** A child's output, cut at a delimiter; the last piece may lack it. */
export async function* pieces(stream: Readable, delimiter: string): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream as AsyncIterable<string>) {
    const parts = (rest + chunk).split(delimiter);
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== '') yield rest;
}

/**
 * Runs git to its end, or ends it after a time, and answers its output in pieces.
 * @throws Error with git's complaint
 */
export async function ask(
  spawner: Spawner,
  view: GitView,
  args: readonly string[],
  delimiter = '\n',
  milliseconds?: number,
): Promise<string[]> {
  const child = startGit(spawner, view, args);
  const timer = milliseconds && setTimeout(() => child.kill(), milliseconds);
  child.stdin.end();
  const end = endOf(child);
  const found: string[] = [];
  for await (const piece of pieces(child.stdout, delimiter)) found.push(piece);
  const { code, complaint } = await end.finally(() => clearTimeout(timer));
  if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}: ${complaint}`);
  return found;
}

/** Ids that are sent at once: one by one, each would be a message to the process that starts git. */
const ASKED = 1_000;

/** Objects in the order of their ids, by one process for all. @throws Error when one cannot be read */
export async function* readObjects(
  spawner: Spawner,
  view: GitView,
  oids: readonly string[],
): AsyncGenerator<{ oid: string; body: Buffer }> {
  const child = startGit(spawner, view, ['cat-file', '--batch', '--buffer']);
  const end = endOf(child);
  const fed = feed(child, linesOf(oids));
  fed.catch(() => undefined);
  let isWhole = false;
  try {
    yield* objectsIn(child.stdout);
    isWhole = true;
  } finally {
    if (!isWhole) child.kill();
  }
  await fed;
  const { code, complaint } = await end;
  if (code !== 0) throw new Error(`git cat-file ended with ${code}: ${complaint}`);
}

function* linesOf(oids: readonly string[]): Generator<string> {
  for (let at = 0; at < oids.length; at += ASKED) {
    yield `${oids.slice(at, at + ASKED).join('\n')}\n`;
  }
}

/** The output of `cat-file --batch`. */
async function* objectsIn(stream: Readable): AsyncGenerator<{ oid: string; body: Buffer }> {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    let rest: Buffer = Buffer.concat(chunks);
    for (;;) {
      const line = rest.indexOf(0x0a);
      if (line < 0) break;
      const [oid, type, length] = rest.toString('latin1', 0, line).split(' ');
      if (length === undefined) throw new Error(`Git says of ${oid}: ${type}`);
      wanted = line + 1 + Number(length) + 1;
      if (rest.length < wanted) break;
      yield { oid: oid!, body: rest.subarray(line + 1, wanted - 1) };
      rest = rest.subarray(wanted);
      wanted = 0;
    }
    chunks = [rest];
    size = rest.length;
  }
}

/** Whether one commit is another's ancestor or itself. */
export async function isAncestor(
  spawner: Spawner,
  view: GitView,
  older: string,
  newer: string,
): Promise<boolean> {
  if (older === newer) return true;
  const child = startGit(spawner, view, ['merge-base', '--is-ancestor', older, newer]);
  child.stdin.end();
  child.stdout.resume();
  const { code, complaint } = await endOf(child);
  if (code !== 0 && code !== 1) throw new Error(`git merge-base ended with ${code}: ${complaint}`);
  return code === 0;
}

/** The newest commit that two commits share; undefined when they share none. */
export async function mergeBase(
  spawner: Spawner,
  view: GitView,
  one: string,
  other: string,
): Promise<string | undefined> {
  const child = startGit(spawner, view, ['merge-base', one, other]);
  child.stdin.end();
  const end = endOf(child);
  let base: string | undefined;
  for await (const line of pieces(child.stdout, '\n')) base ??= line;
  const { code, complaint } = await end;
  if (code !== 0 && code !== 1) throw new Error(`git merge-base ended with ${code}: ${complaint}`);
  return base || undefined;
}

/** How many files a commit holds. */
export async function countFiles(spawner: Spawner, view: GitView, oid: string): Promise<number> {
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', oid];
  const child = startGit(spawner, view, args);
  child.stdin.end();
  const end = endOf(child);
  let count = 0;
  for await (const _ of pieces(child.stdout, '\0')) count += 1;
  await end;
  return count;
}

export type TreeChange = {
  path: string;
  /** Git's mode after the change and before it. */
  mode: string;
  oldMode: string;
  from: string;
  to: string | null;
};

/** The tree without any file, which git knows in every repository. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
/** The blob without any byte. */
export const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

/** What differs between two commits, by path; `undefined` is the time before the first. */
export async function changesBetween(
  spawner: Spawner,
  view: GitView,
  older: string | undefined,
  newer: string,
): Promise<Map<string, TreeChange>> {
  const options = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', '--full-index'];
  const found = await ask(spawner, view, [...options, older ?? EMPTY_TREE, newer], '\0');
  const changes = new Map<string, TreeChange>();
  for (let at = 0; at + 1 < found.length; at += 2) {
    const [oldMode, mode, from, to, status] = found[at]!.slice(1).split(' ') as string[];
    const path = found[at + 1]!;
    changes.set(path, {
      path,
      mode: mode!,
      oldMode: oldMode!,
      from: from!,
      to: status === 'D' ? null : to!,
    });
  }
  return changes;
}

/** How long git may compare files, and how many on each side: past them it finds only exact renames. */
const mostCompared = { files: 1_000, milliseconds: 10_000 };

/** The renames that git sees between two commits: the old path by the new one. */
export async function renamesBetween(
  spawner: Spawner,
  view: GitView,
  older: string | undefined,
  newer: string,
  { files, milliseconds } = mostCompared,
): Promise<Map<string, string>> {
  if (older === undefined) return new Map();
  const look = (how: readonly string[], most?: number) => {
    const options = ['diff-tree', '-r', '-z', '--raw', '--diff-filter=R', '--no-abbrev', ...how];
    return ask(spawner, view, [...options, older, newer], '\0', most);
  };
  const similar = look(['-B', '-M50%', `-l${files}`], milliseconds);
  const found = await similar.catch(() => look(['-M100%']));
  const renames = new Map<string, string>();
  for (let at = 0; at + 2 < found.length; at += 3) renames.set(found[at + 2]!, found[at + 1]!);
  return renames;
}

/** For each path the newest commit that touched it; a path that none did is left out. */
export async function newestCommits(
  spawner: Spawner,
  view: GitView,
  range: { since: string | undefined; until: string },
  wanted: Iterable<string>,
): Promise<Map<string, string>> {
  const left = new Set(wanted);
  const newest = new Map<string, string>();
  const since = range.since ? [`^${range.since}`] : [];
  const options = [
    'log',
    '-z',
    '--format=commit %H',
    '--name-only',
    '-c',
    '--no-renames',
    '--topo-order',
  ];
  const child = startGit(spawner, view, [...options, range.until, ...since, '--']);
  child.stdin.end();
  const end = endOf(child);
  let commit = range.until;
  for await (const piece of pieces(child.stdout, '\0')) {
    // With -z the first path of a commit follows its header and a line feed.
    const text = piece.replace(/^\n/, '');
    const header = /^commit ([0-9a-f]{40})\n*/.exec(text);
    if (header) commit = header[1]!;
    const path = header ? text.slice(header[0].length) : text;
    if (left.delete(path)) newest.set(path, commit);
    if (left.size === 0) child.kill();
  }
  await end;
  return newest;
}
