/**
 * Where a pushed pack lies until all of it has been looked at: a folder of objects beside the
 * repository, which sees the repository's objects, while the repository does not see it. Git's
 * `index-pack --strict` receives it and not `receive-pack`: that moves refs by itself, and here a ref may
 * move only with PostgreSQL; so no hook is ever run either.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Spawner } from '../spawn/spawner.ts';
import { syncFolder } from '../storage/durable.ts';
import { decodeTree } from '../storage/git/objects.ts';
import { findBadEntry, printable } from './push-check.ts';
import { endOf, feed, type GitView, pieces, readObjects, startGit } from './push-git.ts';
import type { PushLimits } from './push-limits.ts';

/** A push that cannot be taken; the message is for the person. */
export class PushRefused extends Error {}

/** What is wrong with an object, as a sentence about its path. */
export type Badness = (path: string) => string;

export class Quarantine {
  readonly view: GitView;
  readonly #spawner: Spawner;
  readonly #limits: PushLimits;

  private constructor(spawner: Spawner, view: GitView, limits: PushLimits) {
    this.#spawner = spawner;
    this.view = view;
    this.#limits = limits;
  }

  static async open(spawner: Spawner, repository: string, limits: PushLimits): Promise<Quarantine> {
    const objects = join(repository, '..', 'tmp', `push-${randomUUID()}`);
    await mkdir(join(objects, 'pack'), { recursive: true });
    return new Quarantine(spawner, { repository, objects }, limits);
  }

  /** Receives the pack, with git's own checks of every object. @throws PushRefused */
  async receive(pack: Readable): Promise<void> {
    const { pack: bytes, objects } = this.#limits;
    const child = startGit(this.#spawner, this.view, [
      'index-pack',
      '--stdin',
      '--fix-thin',
      // A NUL in an old message is shown as a replacement character.
      '--strict=nulInCommit=warn',
      `--max-input-size=${bytes}`,
    ]);
    child.stdout.resume();
    const end = endOf(child);
    try {
      await feed(child, pack.compose(countObjects(objects)));
    } catch (error) {
      child.kill();
      await end;
      throw error;
    }
    const { code, complaint } = await end;
    if (code !== 0) throw new PushRefused(explain(complaint, code));
  }

  /** What may not be in a workspace among the objects received, by id. @throws PushRefused */
  async findBad(): Promise<Map<string, Badness>> {
    const bad = new Map<string, Badness>();
    const trees: string[] = [];
    const { file, tree, commit } = this.#limits;
    for await (const line of this.#received()) {
      const [oid, type, size] = line.split(' ') as [string, string, string];
      if (type === 'tree' && Number(size) > tree) {
        bad.set(oid, (path) => `${path || 'The top folder'} holds too many files for one folder.`);
      } else if (type === 'commit' && Number(size) > commit) {
        bad.set(oid, () => `The message of commit ${oid.slice(0, 10)} is too long.`);
      } else if (type === 'tree') trees.push(oid);
      else if (type === 'blob' && Number(size) > file) {
        const [is, most] = [Number(size), file].map(megabytes);
        bad.set(
          oid,
          (path) =>
            `${path} has ${is} MB; a pushed file may have ${most} MB (LIMIT_PUSHED_FILE). Use Git LFS for it.`,
        );
      }
    }
    await this.#checkTrees(trees, bad);
    return bad;
  }

  /**
   * Walks all that a new commit brings. @throws PushRefused for what is missing, and for the first bad
   * object, by its path
   */
  async walk(oid: string, bad: ReadonlyMap<string, Badness>): Promise<void> {
    const args = ['rev-list', '--objects', oid, '--not', '--all', '--'];
    const child = startGit(this.#spawner, this.view, args);
    child.stdin.end();
    const end = endOf(child);
    let problem: string | undefined;
    for await (const line of pieces(child.stdout, '\n')) {
      const found = bad.get(line.slice(0, 40));
      if (found) problem ??= found(printable(line.slice(41)));
    }
    const { code } = await end;
    if (code !== 0) throw new PushRefused('Objects are missing that the commit refers to.');
    if (problem) throw new PushRefused(problem);
  }

  /** Makes the received objects the repository's, durably. */
  async release(): Promise<void> {
    const from = join(this.view.objects!, 'pack');
    const to = join(this.view.repository, 'objects', 'pack');
    const names = await readdir(from);
    // The index makes a pack visible, so it comes last.
    const last = (name: string) => Number(name.endsWith('.idx'));
    for (const name of names.sort((a, b) => last(a) - last(b))) {
      const handle = await open(join(from, name), 'r');
      await handle.sync().finally(() => handle.close());
      await rename(join(from, name), join(to, name));
    }
    await syncFolder(to);
  }

  close(): Promise<void> {
    return rm(this.view.objects!, { recursive: true, force: true });
  }

  /** Every object of the pack, bases that were added to it too: `id type size`. */
  async *#received(): AsyncGenerator<string> {
    const format = '--batch-check=%(objectname) %(objecttype) %(objectsize)';
    // Asked of the quarantine alone, as if it were a repository's own folder of objects.
    const args = ['cat-file', '--batch-all-objects', '--unordered', format];
    const child = startGit(this.#spawner, this.view, args, 'alone');
    child.stdin.end();
    const end = endOf(child);
    yield* pieces(child.stdout, '\n');
    if ((await end).code !== 0) throw new PushRefused('The pack could not be read.');
  }

  async #checkTrees(trees: readonly string[], bad: Map<string, Badness>): Promise<void> {
    for await (const { oid, body } of readObjects(this.#spawner, this.view, trees)) {
      const found = findBadEntry(decodeTree(body));
      if (!found) continue;
      const name = printable(found.name);
      bad.set(oid, (path) => `${path ? `${path}/` : ''}${name} ${found.problem}`);
    }
  }
}

/** Passes a pack on, unless its header promises more objects than are allowed. */
const countObjects = (limit: number) =>
  async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let start: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of source) {
      if (!start) {
        yield chunk;
        continue;
      }
      start = Buffer.concat([start, chunk]);
      if (start.length < 12) continue;
      if (start.readUInt32BE(8) > limit) {
        throw new PushRefused(`The push has more than ${limit} objects; push it in parts.`);
      }
      yield start;
      start = undefined;
    }
    if (start?.length) yield start;
  };

const megabytes = (bytes: number): string => String(Math.ceil((bytes / 2 ** 20) * 10) / 10);

/** Git's names of what it finds, in words. */
const SENTENCES: [RegExp, string][] = [
  [/hasDotgit|gitmodulesName/, 'A folder contains a form of ".git".'],
  [/hasDotdot|hasDot\b/, 'A folder contains a "." or ".." segment.'],
  [
    /gitmodulesSymlink|gitattributesSymlink|gitignoreSymlink/,
    'A symbolic link is where git keeps its settings.',
  ],
  [/gitmodules/, 'Submodules are not allowed.'],
  [/fullPathname|emptyName/, 'A folder contains an empty name or one with a slash.'],
  [/duplicateEntries|treeNotSorted/, 'A folder names something twice or is not sorted.'],
  [/exceeds maximum allowed size/, 'The pack is too large; push it in parts.'],
  [/out of memory|mmap failed|Out of memory/, 'The pack needs too much memory.'],
  [/missing|unresolved delta/i, 'Objects are missing that the pack refers to.'],
];

function explain(complaint: string, code: number | null): string {
  const known = SENTENCES.find(([pattern]) => pattern.test(complaint));
  if (known) return known[1];
  if (code === null) return 'The pack needs too much time or memory.';
  const line = complaint.split('\n').find((text) => /^(error|fatal):/.test(text)) ?? 'unreadable';
  return `The pack is not in order: ${printable(line.replace(/^\w+: /, ''))}`;
}
