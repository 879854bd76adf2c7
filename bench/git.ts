/**
 * Versions per second of a 4 KiB file in a repository of 1,000 files, durable: by the writer alone, and
 * by `PUT` through the server, with rows, events and the version in PostgreSQL; one after the other and
 * 16 at a time. The floor is git itself: five plumbing processes a version, as a server in Node would
 * start them and as a shell does. And reads of a file at the head, beside one long-lived
 * `git cat-file --batch`.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type GitStorage, openGit } from '../server/src/storage/git.ts';
import { type Person, type RecordObject, register } from '../server/test/support/api.ts';
import { startServer } from './support.ts';
import { median, type Row, row } from './table.ts';

const FILES = 1000;
const SETTLES_MS = 3000;
const ABOUT = {
  author: { name: 'Ada', email: 'ada@example.com' },
  message: 'A version',
  date: new Date('2026-01-01'),
};

const FROM_NODE = 'five git processes, from Node';
const CAT_FILE = 'git cat-file --batch';
const FROM_SHELL = 'five git processes, from a shell';

/** Versions per second, ours and git's. */
export async function run(): Promise<Row[]> {
  const root = await mkdtemp(join(tmpdir(), 'kyozo-bench-'));
  const store = await openGit(root);
  const scope = { teamId: randomUUID(), workspaceId: randomUUID() };
  const parent = await fill(store, scope);
  const folder = store.folder(scope.workspaceId);
  const fromNode = await plumbing(folder, parent, 60);
  const fromShell = await script(folder, parent, 60);
  const sequential = await ours(store, scope, parent, 600, 1);
  const concurrent = await ours(store, scope, parent, 3000, 16);
  await store.close();
  const reads: Rates<'first' | 'again' | 'batch'>[] = [];
  for (let round = 0; round < 7; round++) reads.push(await readsOf(root, scope, parent));
  const ofReads = (what: 'first' | 'again' | 'batch') => median(reads.map((read) => read[what]));
  const served = await throughServer({
    fromNode: () => plumbing(folder, parent, 20),
    fromShell: () => script(folder, parent, 20),
  });
  await rm(root, { recursive: true });
  // Node starts processes the slower the more it has in memory; beside `PUT`, git has its better time.
  const best = {
    fromNode: Math.max(fromNode, served.fromNode),
    fromShell: Math.max(fromShell, served.fromShell),
  };
  return [
    row('git: versions/s, one after the other', sequential, fromNode, FROM_NODE),
    row('git: versions/s, one after the other', sequential, fromShell, FROM_SHELL),
    row('git: versions/s, 16 at a time', concurrent, fromNode, FROM_NODE),
    row('git: versions/s, 16 at a time', concurrent, fromShell, FROM_SHELL),
    row('git: versions/s by PUT, one after the other', served.one, best.fromNode, FROM_NODE),
    row('git: versions/s by PUT, one after the other', served.one, best.fromShell, FROM_SHELL),
    row('git: versions/s by PUT, 16 at a time', served.many, best.fromNode, FROM_NODE),
    row('git: versions/s by PUT, 16 at a time', served.many, best.fromShell, FROM_SHELL),
    row('git: first reads/s at the head', ofReads('first'), ofReads('batch'), CAT_FILE),
    row('git: reads/s at the head, again', ofReads('again'), ofReads('batch'), CAT_FILE),
  ];
}

type Rates<Name extends string> = Record<Name, number>;
type Floor = 'fromNode' | 'fromShell';

/**
 * The same repository, made through the API, and its files written again by `PUT`: once the server is
 * warm, in rounds that take turns with git's, as the speed of the machine changes from one second to
 * the next. Answers the medians.
 */
async function throughServer(
  floors: Record<Floor, () => Promise<number>>,
): Promise<Rates<'one' | 'many' | Floor>> {
  const server = await startServer();
  try {
    const person = await register(server.url);
    const workspace = await person.workspace('Bench');
    const ids: string[] = [];
    const queue = Array.from({ length: FILES }, (_, at) => path(at));
    const add = async () => {
      for (let at = queue.pop(); at; at = queue.pop()) {
        ids.push((await person.file(workspace, at, body().toString())).id);
      }
    };
    await Promise.all(Array.from({ length: 8 }, add));
    await put(person, ids, 2000, 4);
    const rounds: Rates<'one' | 'many' | Floor>[] = [];
    for (let round = 0; round < 9; round++) {
      const one = await put(person, ids, 200, 1);
      const many = await put(person, ids, 400, 16);
      // What the server still does in the background must not slow git down.
      await sleep(SETTLES_MS);
      const fromNode = await floors.fromNode();
      rounds.push({ one, many, fromNode, fromShell: await floors.fromShell() });
    }
    const of = (what: 'one' | 'many' | Floor) => median(rounds.map((round) => round[what]));
    return {
      one: of('one'),
      many: of('many'),
      fromNode: of('fromNode'),
      fromShell: of('fromShell'),
    };
  } finally {
    await server.stop();
  }
}

async function put(person: Person, ids: readonly string[], count: number, lanes: number) {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let at = lane; at < count; at += lanes) {
        const to = `/files/${ids[(at * 37) % ids.length]}/content`;
        const { status } = await person.request<RecordObject>(to, { method: 'PUT', raw: body() });
        if (status !== 200) throw new Error(`PUT answered ${status}`);
      }
    }),
  );
  return (count * 1000) / (performance.now() - began);
}

/** Each file of a store that has just been opened, once and again, as an editor opens files; and git's. */
async function readsOf(
  root: string,
  scope: Scope,
  commit: string,
): Promise<Rates<'first' | 'again' | 'batch'>> {
  const store = await openGit(root);
  const addresses: string[] = [];
  for await (const file of store.readTree(scope.workspaceId, commit)) addresses.push(file.address);
  const first = await rateOf(store, scope, addresses);
  const again = await rateOf(store, scope, addresses);
  const batch = await catFile(store.folder(scope.workspaceId), commit, FILES);
  await store.close();
  return { first, again, batch };
}

async function rateOf(store: GitStorage, scope: Scope, addresses: readonly string[]) {
  const began = performance.now();
  for (const address of addresses) {
    const chunks: Buffer[] = [];
    for await (const chunk of await store.get(scope, address)) chunks.push(chunk as Buffer);
    if (Buffer.concat(chunks).length === 0) throw new Error('Nothing was read.');
  }
  return (addresses.length * 1000) / (performance.now() - began);
}

async function catFile(repository: string, commit: string, count: number): Promise<number> {
  const child = spawn('git', ['--git-dir', repository, 'cat-file', '--batch']);
  const output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const began = performance.now();
  for (let at = 0; at < count; at++) {
    child.stdin.write(`${commit}:${path(at * 37)}\n`);
    let left: number | undefined;
    let head = Buffer.alloc(0);
    while (left === undefined || left > 0) {
      const { value } = await output.next();
      if (left !== undefined) {
        left -= value!.length;
        continue;
      }
      head = Buffer.concat([head, value!]);
      const end = head.indexOf(10);
      if (end < 0) continue;
      const size = Number(head.toString('latin1', 0, end).split(' ')[2]);
      left = size + 1 - (head.length - end - 1);
    }
  }
  child.stdin.end();
  return (count * 1000) / (performance.now() - began);
}

type Scope = { teamId: string; workspaceId: string };

async function fill(store: GitStorage, scope: Scope): Promise<string> {
  const files = Array.from({ length: FILES }, async (_, at) => ({
    path: path(at),
    address: (await store.put(scope, randomBytes(2048))).address,
  }));
  const changes = await Promise.all(files);
  return (await store.commit(scope.workspaceId, { ...ABOUT, changes })).commit;
}

async function ours(store: GitStorage, scope: Scope, start: string, count: number, lanes: number) {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      let parent = start;
      for (let at = lane; at < count; at += lanes) {
        const { address } = await store.put(scope, body());
        const changes = [{ path: path(at * 37), address }];
        parent = (await store.commit(scope.workspaceId, { ...ABOUT, parent, changes })).commit;
      }
    }),
  );
  return (count * 1000) / (performance.now() - began);
}

/** Five processes a version, started by Node, as a server would that leaves the writing to git. */
async function plumbing(repository: string, start: string, count: number): Promise<number> {
  const env = environmentOf(repository);
  let parent = start;
  const began = performance.now();
  for (let at = 0; at < count; at++) {
    const blob = await git(env, ['hash-object', '-w', '--stdin'], body());
    await git(env, ['read-tree', parent]);
    await git(env, ['update-index', '--add', '--cacheinfo', `100644,${blob},${path(at * 37)}`]);
    const tree = await git(env, ['write-tree']);
    parent = await git(env, ['commit-tree', tree, '-p', parent, '-m', 'A version']);
  }
  return (count * 1000) / (performance.now() - began);
}

async function git(env: NodeJS.ProcessEnv, args: string[], input?: Buffer): Promise<string> {
  const running = promisify(execFile)('git', args, { env });
  running.child.stdin?.end(input);
  return (await running).stdout.trim();
}

const FIVE_PROCESSES = `
  set -e
  parent=$1
  while read -r path content; do
    blob=$(git hash-object -w "$content")
    git read-tree "$parent"
    git update-index --add --cacheinfo "100644,$blob,$path"
    tree=$(git write-tree)
    parent=$(git commit-tree "$tree" -p "$parent" -m 'A version')
  done`;

/** The same by a shell, which starts processes two or three times as fast as Node does. */
async function script(repository: string, start: string, count: number): Promise<number> {
  const contents = await mkdtemp(join(tmpdir(), 'kyozo-bench-'));
  const lines = Array.from({ length: count }, (_, at) => `${path(at * 37)} ${contents}/${at}\n`);
  await Promise.all(lines.map((_, at) => writeFile(join(contents, String(at)), body())));
  const env = environmentOf(repository);
  const began = performance.now();
  const running = promisify(execFile)('sh', ['-c', FIVE_PROCESSES, 'sh', start], { env });
  running.child.stdin!.end(lines.join(''));
  await running;
  const took = performance.now() - began;
  await rm(contents, { recursive: true });
  return (count * 1000) / took;
}

const environmentOf = (repository: string) => ({
  ...process.env,
  GIT_DIR: repository,
  GIT_INDEX_FILE: join(repository, 'bench-index'),
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'a@b',
});

function path(at: number): string {
  const file = at % FILES;
  return `folder-${Math.floor(file / 50)}/file-${file}.txt`;
}

function body(): Buffer {
  return Buffer.from(randomBytes(3072).toString('base64'));
}
