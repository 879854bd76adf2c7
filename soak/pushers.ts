import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { randomOf } from '../server/test/collaboration/random.ts';
import { git, must } from '../server/test/git/repository.ts';
import { type Answer, type RecordObject, register } from '../server/test/support/api.ts';
import { removeData } from '../server/test/support/remove-data.ts';
import { freePort, Server } from './server.ts';

type Options = { seed: number; runs: number; say?: (line: string) => void };

/**
 * As many people as `runs` clone one workspace and push at once: each to a branch of their own, which
 * nothing may refuse, and every tenth then to `main` until it has landed; whoever is told to fetch first
 * does. Then each branch is what was pushed, each commit on `main` is in its history once, the repository
 * is whole, and the files in the database are those of `main`.
 * @throws AssertionError that says what is not so
 */
export async function pushers({ seed, runs, say = () => undefined }: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-soak-pushers-'));
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-pushers-'));
  const server = await Server.start(dataDir, await freePort());
  try {
    const owner = await register(server.url);
    const workspace = await owner.workspace('Soak');
    await owner.file(workspace, 'start.md', 'start\n');
    const team = (await owner.get(`/workspaces/${workspace.id}/team`)).body.data;
    const person = await owner.key('write');
    const slugs = [team, workspace].map(({ attributes }) => attributes.slug as string);
    const address = `${server.url.replace('//', `//x:${person.token}@`)}/git/${slugs.join('/')}.git`;
    const random = randomOf(seed);
    const people = Array.from({ length: runs }, (_, index) => ({ index, wait: random() * 1_000 }));
    const heads = new Map<string, string>();
    await Promise.all(people.map(({ index }) => prepare(join(folder, String(index)), address)));
    const refusals = await Promise.all(
      people.map(async ({ index, wait }) => {
        const mine = join(folder, String(index));
        heads.set(`refs/heads/person-${index}`, await must(mine, 'rev-parse', 'HEAD'));
        await pause(wait);
        await must(mine, 'push', '-q', 'origin', `HEAD:refs/heads/person-${index}`);
        return index % 10 === 0 ? land(mine) : 0;
      }),
    );
    const landed = refusals.reduce((sum, count) => sum + count, 0);
    say(`${runs} pushes are there; those to main were told to fetch first ${landed} times`);

    const last = join(folder, 'last');
    await must(folder, 'clone', '-q', address, last);
    for (const line of (await must(last, 'ls-remote', address, 'refs/heads/person-*')).split(
      '\n',
    )) {
      const [oid, name] = line.split('\t');
      assert.equal(oid, heads.get(name!), name);
      heads.delete(name!);
    }
    assert.deepEqual([...heads], []);
    const onMain = people.filter(({ index }) => index % 10 === 0).map(({ index }) => index);
    const wanted = ['start.md', ...onMain.map((index) => `${index}.md`)].sort();
    const listed = async (...args: string[]) => (await must(last, ...args)).split('\n').sort();
    assert.deepEqual(await listed('ls-files'), wanted);
    const subjects = await listed('log', '--no-merges', '--format=%s');
    assert.deepEqual(subjects, ['Add start.md', ...onMain.map((index) => `Add ${index}`)].sort());
    const repository = join(dataDir, 'git', `${workspace.id}.git`);
    const checked = await git(repository, 'fsck', '--full', '--strict', '--no-dangling');
    assert.deepEqual([checked.ok, checked.out], [true, ''], checked.said);
    const url = `/workspaces/${workspace.id}/files?sort=path&page[limit]=100`;
    const paths: string[] = [];
    for (let next: string | undefined = url; next; ) {
      const { body }: Answer<RecordObject[]> = await person.get<RecordObject[]>(next);
      paths.push(...body.data.map(({ attributes }) => attributes.path as string));
      next = (body.links?.next as string | null | undefined)?.replace(/^.*\/api\/v1/, '');
    }
    assert.deepEqual(paths.sort(), wanted);
  } finally {
    await server.stop();
    for (const path of [dataDir, folder]) await removeData(path);
  }
}

async function prepare(mine: string, address: string): Promise<void> {
  await must(tmpdir(), 'clone', '-q', address, mine);
  await writeFile(join(mine, `${basename(mine)}.md`), `${basename(mine)}\n`);
  await must(mine, 'add', '.');
  await must(mine, 'commit', '-qm', `Add ${basename(mine)}`);
}

/** Pushes to `main` until it is there; answers how often git itself found that it was behind. */
async function land(mine: string): Promise<number> {
  for (let refusals = 0; ; refusals++) {
    const { ok, said } = await git(mine, 'push', '-q', 'origin', 'HEAD:main');
    if (ok) return refusals;
    assert.match(said, /fetch first|non-fast-forward/, said);
    await must(mine, 'pull', '-q', '--rebase', 'origin', 'main');
  }
}
