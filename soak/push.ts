import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../server/test/collaboration/editor.ts';
import { randomOf } from '../server/test/collaboration/random.ts';
import { git, must } from '../server/test/git/repository.ts';
import { type Person, type RecordObject, register } from '../server/test/support/api.ts';
import { removeData } from '../server/test/support/remove-data.ts';
import { freePort, Server } from './server.ts';

type Options = { seed: number; runs: number; say?: (line: string) => void };
/** What one ref was when it was last known, and what a push that was cut off wanted. */
type Ref = { is: string | undefined; next?: string };
type World = {
  person: Person;
  workspace: RecordObject;
  address: string;
  clone: string;
  repository: string;
  refs: Map<string, Ref>;
  pushed: number;
};

const MAIN = 'refs/heads/main';
const TOPIC = 'refs/heads/topic';

/**
 * Kills the server with `kill -9` while somebody pushes to `main` and forces a branch; starts it again
 * and looks: the repository is whole, each ref is what was acknowledged or what the push that was cut
 * off wanted, and the files in the database are those of `main`.
 * @throws AssertionError that says what is not so, and in which run
 */
export async function push({ seed, runs, say = () => undefined }: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-soak-push-'));
  const port = await freePort();
  let server = await Server.start(dataDir, port);
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-pusher-'));
  try {
    const world = await begin(server.url, dataDir, folder);
    for (let run = 1; run <= runs; run++) {
      const random = randomOf(seed * 1_000 + run);
      try {
        await work(world, server, random);
        server = await Server.start(dataDir, port);
        await verify(world);
      } catch (error) {
        throw new Error(`Run ${run} failed. ${server.complaints}`, { cause: error });
      }
      say(`run ${run}: ${world.pushed} pushes are there`);
    }
  } finally {
    await server.stop();
    await removeData(dataDir);
    await rm(folder, { recursive: true, force: true });
  }
}

async function begin(url: string, dataDir: string, folder: string): Promise<World> {
  const owner = await register(url);
  const workspace = await owner.workspace('Soak');
  const { body } = await owner.get<RecordObject[]>('/teams');
  const person = await owner.key('write');
  const slugs = [body.data[0]!, workspace].map(({ attributes }) => attributes.slug as string);
  const address = `${url.replace('//', `//x:${person.token}@`)}/git/${slugs.join('/')}.git`;
  await must(folder, 'clone', '-q', address, 'clone');
  const refs = new Map<string, Ref>([
    [MAIN, { is: undefined }],
    [TOPIC, { is: undefined }],
  ]);
  const repository = join(dataDir, 'git', `${workspace.id}.git`);
  return { person, workspace, address, clone: join(folder, 'clone'), repository, refs, pushed: 0 };
}

/** Pushes one commit after the other until the server is killed. */
async function work(world: World, server: Server, random: () => number): Promise<void> {
  let killed = false;
  const pushing = (async () => {
    while (!killed && (await pushOnce(world, random))) world.pushed += 1;
  })();
  pushing.catch(() => undefined);
  await pause(100 + random() * 900);
  killed = true;
  await server.kill('server');
  await pushing;
}

async function pushOnce({ clone, refs }: World, random: () => number): Promise<boolean> {
  const name = random() < 0.7 ? MAIN : TOPIC;
  const ref = refs.get(name)!;
  if (refs.get(MAIN)!.is) await must(clone, 'reset', '-q', '--hard', refs.get(MAIN)!.is!);
  const count = 1 + Math.floor(random() * 8);
  for (let at = 0; at < count; at++) {
    const folder = join(clone, `folder-${Math.floor(random() * 4)}`);
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${Math.floor(random() * 20)}.md`);
    if (random() < 0.2) await rm(path, { force: true });
    else await writeFile(path, `# ${random()}\n${'text\n'.repeat(random() * 2_000)}`);
  }
  await must(clone, 'add', '-A');
  await must(clone, 'commit', '-q', '--allow-empty', '-m', `Change ${random()}`);
  ref.next = await must(clone, 'rev-parse', 'HEAD');
  const force = name === TOPIC ? ['--force'] : [];
  const { ok, said } = await git(clone, 'push', ...force, 'origin', `HEAD:${name}`);
  assert.doesNotMatch(said, /remote rejected/);
  if (!ok) return false;
  ref.is = ref.next;
  ref.next = undefined;
  return true;
}

async function verify(world: World): Promise<void> {
  const { address, clone, refs, repository } = world;
  const lines = (await must(clone, 'ls-remote', address, 'refs/*')).split('\n').filter(Boolean);
  const there = new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
  for (const [name, ref] of refs) {
    const oid = there.get(name);
    const allowed = ref.next ? [ref.is, ref.next] : [ref.is];
    assert.ok(allowed.includes(oid), `${name} is ${oid}, not one of ${allowed}`);
    refs.set(name, { is: oid });
  }
  const checked = await git(repository, 'fsck', '--full', '--strict', '--no-dangling');
  assert.deepEqual([checked.ok, checked.out], [true, ''], checked.said);
  await verifyFiles(world, refs.get(MAIN)!.is);
}

/** The files in the database are those of the commit. */
async function verifyFiles(world: World, head: string | undefined): Promise<void> {
  const { clone, person, workspace } = world;
  const tree = head ? await must(clone, 'ls-tree', '-r', '--name-only', head) : '';
  const page = `/workspaces/${workspace.id}/files?page[limit]=100`;
  const files = (await person.get<RecordObject[]>(page)).body.data;
  const paths = files.map(({ attributes }) => attributes.path as string);
  assert.deepEqual(paths.sort(), tree.split('\n').filter(Boolean).sort());
  for (const { id, attributes } of files) {
    const content = await (await person.fetch(`/files/${id}/content`)).text();
    const wanted = await must(clone, 'show', `${head}:${attributes.path as string}`);
    assert.equal(content.trimEnd(), wanted, attributes.path as string);
  }
}
