/**
 * Versions per second: put and commit of a 4 KiB file in a repository of 1,000 files, durable, one
 * after the other and 16 at a time. The floor is git itself: five plumbing processes a version.
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type GitStorage, openGit } from '../server/src/storage/git.ts';
import { type Row, row } from './table.ts';

const FILES = 1000;
const ABOUT = {
  author: { name: 'Ada', email: 'ada@example.com' },
  message: 'A version',
  date: new Date('2026-01-01'),
};

/** Versions per second, ours and git's. */
export async function run(): Promise<Row[]> {
  const root = await mkdtemp(join(tmpdir(), 'kyozo-bench-'));
  const store = await openGit(root);
  const scope = { teamId: randomUUID(), workspaceId: randomUUID() };
  const parent = await fill(store, scope);
  const floor = await plumbing(store.folder(scope.workspaceId), parent, 60);
  const sequential = await ours(store, scope, parent, 600, 1);
  const concurrent = await ours(store, scope, parent, 3000, 16);
  await store.close();
  await rm(root, { recursive: true });
  return [
    row('git: versions/s, one after the other', sequential, floor, 'five git processes'),
    row('git: versions/s, 16 at a time', concurrent, floor, 'five git processes'),
  ];
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

async function plumbing(repository: string, start: string, count: number): Promise<number> {
  const env = {
    ...process.env,
    GIT_DIR: repository,
    GIT_INDEX_FILE: join(repository, 'bench-index'),
    ...{ GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'Ada' },
    GIT_COMMITTER_EMAIL: 'a@b',
  };
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

function path(at: number): string {
  const file = at % FILES;
  return `folder-${Math.floor(file / 50)}/file-${file}.txt`;
}

function body(): Buffer {
  return Buffer.from(randomBytes(3072).toString('base64'));
}
