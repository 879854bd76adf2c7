/**
 * Kills the server with -9 at seeded moments while people type and programs write, starts it again on
 * the same data, and checks everything that had been shown as saved or answered with 2xx.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, ApiWriter, send } from './api-writer.ts';
import { Killable } from './killable.ts';
import { LiveWriter } from './live-writer.ts';
import { Random } from './random.ts';

const git = promisify(execFile);

export async function crash({
  seed,
  runs,
  log,
}: {
  seed: number;
  runs: number;
  log: (line: string) => void;
}): Promise<string> {
  const random = new Random(seed);
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-crash-'));
  const server = new Killable(join(folder, 'data'));
  try {
    await server.start();
    const account = await newAccount(server.url);
    const typists = await Promise.all(
      ['one', 'two', 'three'].map((name) => newDocument(account, name)),
    );
    const writers = ['x', 'y', 'z'].map((name) => new ApiWriter(name, random));
    for (let run = 1; run <= runs; run++) {
      const delay = random.between(30, 900);
      const database = random.next() < 0.25;
      const work = workUntilKilled(account, typists, writers, random, server, delay, database);
      const acknowledged = await work;
      await server.start();
      account.url = server.url;
      for (const part of [...typists, ...writers]) {
        await part.verify(account).catch((error: Error) => {
          throw new Error(`Run ${run} of seed ${seed}: ${error.message}`);
        });
      }
      if (run % 10 === 0 || run === runs) await checkClone(account, folder, writers);
      log(
        `run ${run}: killed after ${delay} ms${database ? ' with PostgreSQL' : ''}, ${acknowledged} writes acknowledged, all there`,
      );
    }
    const files = writers.reduce((sum, writer) => sum + writer.files, 0);
    const saved = typists.reduce((sum, typist) => sum + typist.saved, 0);
    return `${runs} kills (seed ${seed}): ${files} files and ${saved} saved edits checked, nothing lost`;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function workUntilKilled(
  account: Account,
  typists: readonly LiveWriter[],
  writers: readonly ApiWriter[],
  random: Random,
  server: Killable,
  delay: number,
  database: boolean,
): Promise<number> {
  const killed = new Promise<void>((resolve, reject) => {
    setTimeout(() => void server.kill(database).then(resolve, reject), delay);
  });
  const typing = typists.map((typist) =>
    typist.write(account, () => random.between(1, 12), killed).catch(() => undefined),
  );
  const writing = writers.map((writer) => writer.write(account));
  await Promise.all([killed, ...typing]);
  return (await Promise.all(writing)).reduce((sum, count) => sum + count, 0);
}

async function newAccount(url: string): Promise<Account> {
  const account = { url, token: '', workspaceId: '' };
  const attributes = { name: 'Crash', email: 'crash@example.com', password: 'correct horse' };
  const made = await send(account, 'POST', '/users/register', {
    data: { type: 'users', attributes },
  });
  account.token = ((await made.json()) as { meta: { accessToken: string } }).meta.accessToken;
  const key = await send(account, 'POST', '/api-keys', {
    data: { type: 'api-keys', attributes: { name: 'crash', scopes: ['write'] } },
  });
  account.token = ((await key.json()) as { meta: { key: string } }).meta.key;
  const workspace = await send(account, 'POST', '/workspaces', {
    data: { type: 'workspaces', attributes: { name: 'Crash', slug: 'crash' } },
  });
  account.workspaceId = ((await workspace.json()) as { data: { id: string } }).data.id;
  return account;
}

async function newDocument(account: Account, name: string): Promise<LiveWriter> {
  const relationships = { workspace: { data: { type: 'workspaces', id: account.workspaceId } } };
  const attributes = { path: `live/${name}.md`, content: `# ${name}\n` };
  const made = await send(account, 'POST', '/files', {
    data: { type: 'files', attributes, relationships },
  });
  return new LiveWriter(((await made.json()) as { data: { id: string } }).data.id);
}

/** A clone holds every file as the API answers it, and git finds nothing wrong with it. */
async function checkClone(
  account: Account,
  folder: string,
  writers: readonly ApiWriter[],
): Promise<void> {
  const teams = await send(account, 'GET', '/teams');
  const { data } = (await teams.json()) as { data: { attributes: { slug: string } }[] };
  const address = new URL(`/git/${data[0]!.attributes.slug}/crash.git`, account.url);
  address.username = 'crash';
  address.password = account.token;
  const clone = join(folder, 'clone');
  await rm(clone, { recursive: true, force: true });
  await git('git', ['clone', '-q', address.href, clone]);
  await git('git', ['-C', clone, 'fsck', '--full', '--strict']);
  for (const writer of writers) {
    for (const [path, content] of writer.present()) {
      const found = await readFile(join(clone, path), 'utf8').catch(() => undefined);
      if (found !== content) throw new Error(`The clone's ${path} is not what was acknowledged.`);
    }
  }
}
