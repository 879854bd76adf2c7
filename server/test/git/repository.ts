/** Git's own client at a running server. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Person, RecordObject } from '../support/api.ts';
import type { TestServer } from '../support/server.ts';

const run = promisify(execFile);

export type Ran = { ok: boolean; out: string; said: string };

const environment = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C.UTF-8',
};

/** Runs git; never throws, so that a test can look at what a refused push says. */
export async function git(folder: string, ...args: string[]): Promise<Ran> {
  const settings = ['user.name=Gil', 'user.email=gil@example.com', 'protocol.file.allow=always'];
  const all = [...settings.flatMap((setting) => ['-c', setting]), '-C', folder, ...args];
  try {
    const { stdout, stderr } = await run('git', all, { env: environment, maxBuffer: 2 ** 27 });
    return { ok: true, out: stdout.trimEnd(), said: stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { ok: false, out: stdout, said: stderr };
  }
}

/** Runs git. @throws Error with what it said */
export async function must(folder: string, ...args: string[]): Promise<string> {
  const { ok, out, said } = await git(folder, ...args);
  if (!ok) throw new Error(`git ${args.join(' ')}: ${said}`);
  return out;
}

/** The address of a workspace, with a credential in it. */
export async function addressOf(person: Person, workspace: RecordObject): Promise<string> {
  const { body } = await person.get(`/workspaces/${workspace.id}/team`);
  const host = person.url.replace('http://', `http://x:${person.token}@`);
  return `${host}/git/${body.data.attributes.slug}/${workspace.attributes.slug}.git`;
}

export async function temporary(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-push-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The bare repository on the server's disk. */
export const bare = ({ dataDir }: TestServer, { id }: { id: string }): string =>
  join(dataDir, 'git', `${id}.git`);

export const packet = (text: string): string =>
  `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`;

/** A push by hand, of names that git's own client would not send; without a side band, so that the answer is the report. */
export function pushByHand(address: string, lines: string[], pack: Buffer): Promise<string> {
  const commands = lines.map((line, at) => packet(at === 0 ? `${line}\0report-status` : line));
  return postPush(address, Buffer.concat([Buffer.from(`${commands.join('')}0000`), pack]));
}

/** Sends a body to where pushes go; answers what the server says. */
export async function postPush(address: string, body: Buffer): Promise<string> {
  const { origin, pathname, username, password } = new URL(address);
  const credential = Buffer.from(`${username}:${password}`).toString('base64');
  const headers = {
    authorization: `Basic ${credential}`,
    'content-type': 'application/x-git-receive-pack-request',
  };
  const url = `${origin}${pathname}/git-receive-pack`;
  const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
  return answer.text();
}

/** Commits all in a clone as an old program does: with bytes in an encoding that the header names, or in none. */
export async function commitAs(
  clone: string,
  about: {
    encoding: string | undefined;
    name: Buffer;
    message: Buffer;
    /** Puts a folder with nothing in it into the commit, which git's own client never does. */
    emptyFolder?: boolean;
  },
): Promise<void> {
  const { encoding, name, message, emptyFolder } = about;
  await must(clone, 'add', '-A');
  const input = (args: string[], bytes: Buffer | string) =>
    execFileSync('git', ['-C', clone, ...args], { input: bytes })
      .toString()
      .trim();
  let tree = await must(clone, 'write-tree');
  if (emptyFolder) {
    const empty = input(['hash-object', '-t', 'tree', '-w', '--stdin'], '');
    const entries = await must(clone, 'ls-tree', '-z', tree);
    tree = input(['mktree', '-z'], `${entries}040000 tree ${empty}\tnothing in it\0`);
  }
  const parent = await must(clone, 'rev-parse', '-q', '--verify', 'HEAD').catch(() => '');
  const who = Buffer.concat([name, Buffer.from(' <old@example.com> 1100000000 +0100\n')]);
  const object = Buffer.concat([
    Buffer.from(`tree ${tree}\n${parent && `parent ${parent}\n`}author `),
    ...[who, Buffer.from('committer '), who],
    ...[Buffer.from(encoding ? `encoding ${encoding}\n\n` : '\n'), message],
  ]);
  const oid = input(['hash-object', '-t', 'commit', '-w', '--stdin'], object);
  await must(clone, 'reset', '-q', '--hard', oid);
}
