/**
 * Clones of a repository of 1,000 files that was pushed in 20 commits, through the server and, of the
 * same folder, through `git http-backend` behind a bare Node server; and the push itself.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RecordObject, register } from '../server/test/support/api.ts';
import { startServer } from './support.ts';
import { median, type Row, row } from './table.ts';

const COMMITS = 20;
const FILES = 50;
const CLONES = 7;

/** Milliseconds of a clone and of the push, ours and git's: below 1 is faster. */
export async function run(): Promise<Row[]> {
  const server = await startServer();
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-bench-clone-'));
  const git = async (...args: string[]) =>
    void (await promisify(execFile)('git', ['-C', folder, ...args]));
  try {
    const person = await register(server.url);
    const workspace = await person.workspace('Bench');
    const [team] = (await person.get<RecordObject[]>('/teams')).body.data;
    const slugs = `${team!.attributes.slug}/${workspace.attributes.slug}`;
    const address = `${server.url.replace('//', `//x:${person.token}@`)}/git/${slugs}.git`;
    await git('clone', '-q', address, 'work');
    for (let at = 0; at < COMMITS; at++) await fill(folder, at, git);
    const pushed = await timed(() => git('-C', 'work', 'push', '-q', address, 'HEAD:main'));
    const backend = await startBackend(join(server.dataDir, 'git'));
    const { port } = backend.address() as AddressInfo;
    const plain = `http://127.0.0.1:${port}/${workspace.id}.git`;
    await git('init', '-q', '--bare', join(folder, 'plain.git'));
    const stored = await timed(() =>
      git('-C', 'work', 'push', '-q', `${folder}/plain.git`, 'HEAD:main'),
    );
    const times = { ours: [] as number[], peer: [] as number[] };
    for (let at = 0; at < CLONES; at++) {
      times.ours.push(await timed(() => git('clone', '-q', address, `ours-${at}`)));
      times.peer.push(await timed(() => git('clone', '-q', plain, `peer-${at}`)));
    }
    backend.close();
    const [ours, peer] = [median(times.ours), median(times.peer)];
    return [
      row('git: ms a clone of 1,000 files', ours, peer, 'git http-backend', 'less is better'),
      row(
        'git: ms a push of 1,000 files',
        pushed,
        stored,
        'git into a folder',
        'ours makes files, versions, events',
      ),
    ];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(
  folder: string,
  commit: number,
  git: (...args: string[]) => Promise<void>,
): Promise<void> {
  const inside = join(folder, 'work', `folder-${commit}`);
  await mkdir(inside, { recursive: true });
  for (let at = 0; at < FILES; at++) {
    await writeFile(join(inside, `${at}.txt`), randomBytes(1_500).toString('base64'));
  }
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-C', 'work'];
  await git('-C', 'work', 'add', '.');
  await git(...who, 'commit', '-qm', `Commit ${commit}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Git's own CGI program behind the smallest server that can carry it. */
async function startBackend(root: string): Promise<Server> {
  const server = createServer((request, response) => serve(root, request, response));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return server;
}

function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url!, 'http://x');
  const env = {
    PATH: process.env.PATH,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method!,
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: (request.headers['git-protocol'] as string | undefined) ?? '',
  };
  const child = spawn('git', ['http-backend'], { env });
  request.pipe(child.stdin);
  let head: Buffer | undefined = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (!head) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    for (const line of head.toString('latin1', 0, end).split('\r\n')) {
      const [name, value] = line.split(': ') as [string, string];
      if (name === 'Status') response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
    head = undefined;
  });
  child.stdout.on('end', () => response.end());
}
