import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gitHttp } from '../../src/api/git-http.ts';
import { type Spawner, startSpawner } from '../../src/spawn/spawner.ts';
import { openStorages, type Storages } from '../../src/storage/storages.ts';

const workspaceId = randomUUID();
const emptyId = randomUUID();
const scope = { teamId: randomUUID(), workspaceId };
const open = { teamId: scope.teamId, refs: new Map(), mayWrite: false, archived: false };
const about = { author: { name: 'Ada', email: 'ada@example.com' }, date: new Date() };
const big = randomBytes(3_000_000);
let folder: string;
let spawner: Spawner;
let storages: Storages;
let app: FastifyInstance;
let base: string;
let head: string;
let located: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-git-http-'));
  [spawner, storages] = await Promise.all([startSpawner(), openStorages({ dataDir: folder })]);
  head = await version(undefined, { 'README.md': Buffer.from('first'), 'big.bin': big });
  head = await version(head, { 'README.md': Buffer.from('hello') });
  app = fastify();
  await app.register(gitHttp<string>, {
    authenticate: async (username, password) =>
      password === 'secret' ? `actor ${username}` : undefined,
    locate: async (_actor, team, workspace) => {
      located.push(`${team}/${workspace}`);
      if (team !== 'team') return undefined;
      if (workspace === 'notes') return { ...open, workspaceId, head };
      if (workspace === 'empty') return { ...open, workspaceId: emptyId, head: null };
      return undefined;
    },
    receive: async () => {
      throw new Error('nobody may push here');
    },
    mostRefs: 1,
    spawner,
    storages,
  });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app.close();
  await Promise.all([spawner.close(), storages.close()]);
  await rm(folder, { recursive: true });
});

test.each([0, 1, 2])('clone and fetch with protocol %i', async (protocol) => {
  const clone = join(folder, `clone-${protocol}`);
  await git('-c', `protocol.version=${protocol}`, 'clone', '-q', url('notes'), clone);
  expect(await readFile(join(clone, 'README.md'), 'utf8')).toBe('hello');
  expect((await readFile(join(clone, 'big.bin'))).equals(big)).toBe(true);
  expect(await git('-C', clone, 'symbolic-ref', '--short', 'HEAD')).toBe('main');
  head = await version(head, { 'README.md': Buffer.from(`protocol ${protocol}`) });
  await git('-C', clone, '-c', `protocol.version=${protocol}`, 'pull', '-q', '--ff-only');
  expect(await git('-C', clone, 'rev-parse', 'HEAD')).toBe(head);
  expect(await readFile(join(clone, 'README.md'), 'utf8')).toBe(`protocol ${protocol}`);
  head = await version(head, { 'README.md': Buffer.from('hello') });
});

test('a shallow clone has one commit', async () => {
  const clone = join(folder, 'shallow');
  await git('clone', '-q', '--depth=1', url('notes'), clone);
  expect(await git('-C', clone, 'rev-list', '--count', 'HEAD')).toBe('1');
});

test('a partial clone fetches content when it is needed', async () => {
  const clone = join(folder, 'partial');
  await git('clone', '-q', '--no-checkout', '--filter=blob:none', url('notes'), clone);
  const missing = await git('-C', clone, 'rev-list', '--objects', '--missing=print', 'HEAD');
  expect(missing).toMatch(/^\?/m);
  await git('-C', clone, 'checkout', '-q', 'main');
  expect((await readFile(join(clone, 'big.bin'))).equals(big)).toBe(true);
});

test('an empty workspace clones', async () => {
  await git('clone', '-q', url('empty'), join(folder, 'empty'));
  expect(await git('-C', join(folder, 'empty'), 'symbolic-ref', 'HEAD')).toBe('refs/heads/main');
});

test('a branch that has fallen behind the database is repaired before it is served', async () => {
  await storages.git.setRef(workspaceId, 'refs/heads/main', null);
  expect(await git('ls-remote', url('notes'), 'refs/heads/main')).toBe(`${head}\trefs/heads/main`);
});

test('no or a wrong password is 401 with a challenge and looks nothing up', async () => {
  located = [];
  const headers = [
    undefined,
    'Basic',
    'Basic !!!',
    'Bearer secret',
    basic('x:wrong'),
    basic('no colon'),
  ];
  for (const authorization of headers) {
    const answer = await app.inject({
      url: '/git/team/notes.git/info/refs?service=git-upload-pack',
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="Kyozo"/);
  }
  expect(located).toEqual([]);
  await expect(git('clone', '-q', url('notes', 'wrong'), join(folder, 'x'))).rejects.toThrow(
    /Authentication failed/,
  );
});

test('an unknown repository is 404; a senseless name never reaches the lookup', async () => {
  await expect(git('clone', '-q', url('other'), join(folder, 'x'))).rejects.toThrow(/not found/);
  located = [];
  const names = [
    '..%2f..%2fx',
    '%2e%2e',
    'a%00b',
    '--upload-pack=x',
    '-x',
    'a%0ab',
    'A',
    'x%20y',
    '.git',
    '%F0%9F%98%80',
    'ext::sh',
  ];
  for (const name of names) {
    for (const path of [`team/${name}`, `${name}/notes`]) {
      const answer = await inject(`/git/${path}.git/info/refs?service=git-upload-pack`);
      expect(answer.statusCode, path).toBe(404);
    }
  }
  for (const path of [
    '/git/team/notes.git/../../../etc/passwd',
    '/git/team/notes.git/objects/info/packs',
    '/git/team/notes.git/HEAD',
    '/git/team/notes.git/config',
  ]) {
    expect((await inject(path)).statusCode).toBe(404);
  }
  expect(located).toEqual([]);
});

test('the advertisement is never cached and has its banner in the old protocols only', async () => {
  const old = await inject('/git/team/notes.git/info/refs?service=git-upload-pack');
  expect(old.headers).toMatchObject({
    'content-type': 'application/x-git-upload-pack-advertisement',
    'cache-control': 'no-cache, max-age=0, must-revalidate',
  });
  expect(old.body).toMatch(
    new RegExp(`^001e# service=git-upload-pack\n0000[0-9a-f]{4}${head} HEAD\0`),
  );
  const two = await inject('/git/team/notes.git/info/refs?service=git-upload-pack', {
    'git-protocol': 'version=2',
  });
  expect(two.body).toMatch(/^000eversion 2\n/);
});

test('wrong services, protocols and encodings are refused', async () => {
  const refs = '/git/team/notes.git/info/refs';
  expect((await inject(refs)).statusCode).toBe(403);
  expect((await inject(`${refs}?service=git-shell`)).statusCode).toBe(403);
  for (const protocol of ['version=3', 'version=2\u00a0', 'x', 'version=2:$(id)', '']) {
    expect(
      (await inject(`${refs}?service=git-upload-pack`, { 'git-protocol': protocol })).statusCode,
      protocol,
    ).toBe(400);
  }
  const post = (headers: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url: '/git/team/notes.git/git-upload-pack',
      headers: { authorization: basic('a:secret'), ...headers },
      payload: '0000',
    });
  expect((await post({ 'content-type': 'text/xml' })).statusCode).toBe(415);
  expect(
    (
      await post({
        'content-type': 'application/x-git-upload-pack-request',
        'content-encoding': 'br',
      })
    ).statusCode,
  ).toBe(415);
});

test('a gzip body is understood; a bomb ends without an answer', async () => {
  const ask = (payload: Buffer) =>
    fetch(`${base}/git/team/notes.git/git-upload-pack`, {
      method: 'POST',
      headers: {
        authorization: basic('a:secret'),
        'content-type': 'application/x-git-upload-pack-request',
        'content-encoding': 'gzip',
        'git-protocol': 'version=2',
      },
      body: new Uint8Array(payload),
    });
  const answer = await ask(gzipSync('0014command=ls-refs\n0000'));
  expect(answer.headers.get('content-type')).toBe('application/x-git-upload-pack-result');
  expect(await answer.text()).toContain(`${head} refs/heads/main`);
  const line = `0032have ${'1'.repeat(40)}\n`;
  const bomb = await ask(gzipSync(`0011command=fetch0001${line.repeat(800_000)}0000`));
  expect((await bomb.text()).length).toBeLessThan(200);
});

test('without the right to write a push is refused with a sentence', async () => {
  const clone = join(folder, 'push');
  await git('clone', '-q', '--depth=1', url('notes'), clone);
  await git(
    '-C',
    clone,
    '-c',
    'user.name=a',
    '-c',
    'user.email=a@b',
    'commit',
    '-q',
    '--allow-empty',
    '-m',
    'x',
  );
  await expect(git('-C', clone, 'push', '-q')).rejects.toThrow(
    /remote: This credential may read here, but not push/,
  );
  const post = await app.inject({
    method: 'POST',
    url: '/git/team/notes.git/git-receive-pack',
    headers: {
      authorization: basic('a:secret'),
      'content-type': 'application/x-git-receive-pack-request',
    },
    payload: '0000',
  });
  expect(post.statusCode).toBe(403);
});

async function version(parent: string | undefined, files: Record<string, Buffer>): Promise<string> {
  const changes = await Promise.all(
    Object.entries(files).map(async ([path, body]) => ({
      path,
      address: (await storages.git.put(scope, body)).address,
    })),
  );
  return (
    await storages.git.commit(workspaceId, { ...about, message: 'A change', parent, changes })
  ).commit;
}

function inject(path: string, headers: Record<string, string> = {}) {
  return app.inject({ url: path, headers: { authorization: basic('a:secret'), ...headers } });
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function url(workspace: string, password = 'secret'): string {
  return `${base.replace('://', `://ada:${password}@`)}/git/team/${workspace}.git`;
}

async function git(...args: string[]): Promise<string> {
  const env = {
    ...process.env,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
  };
  return (await promisify(execFile)('git', args, { env })).stdout.trim();
}
