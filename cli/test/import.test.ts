import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kyozo, run, type Served, serveIn } from '../../server/test/start/process.ts';
import { Person, type RecordObject } from '../../server/test/support/api.ts';
import { removeData } from '../../server/test/support/remove-data.ts';
import { choose, visit } from '../../server/test/workspaces/visit.ts';

/** Every Markdown file that other people's packages brought: real input, none of it ours. */
const source = join(import.meta.dirname, '../../node_modules');

let folder: string;
let dataDir: string;
let server: Served;
let ann: Person;
let files: Map<string, RecordObject>;
let originals: Map<string, Buffer>;

const command = (...args: string[]) =>
  kyozo(args, { KYOZO_URL: server.url, KYOZO_TOKEN: ann?.token });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-import-'));
  dataDir = join(folder, 'data');
  server = await serveIn(dataDir, { LIMIT_REQUESTS: '1000000' });
  originals = await markdownBelow(source);
});
afterAll(async () => {
  await server.stop();
  await removeData(folder);
});

test('all of it comes in by the command line', { timeout: 120_000 }, async () => {
  expect(originals.size).toBeGreaterThan(500);
  const made = await command('user', 'create', '--email', 'ann@example.com', '--name', 'Ann');
  expect([made.code, made.stderr]).toEqual([0, '']);
  ann = new Person(server.url, /KYOZO_TOKEN=(\S+)/.exec(made.stdout)![1]);
  const imported = await command('import', source, '--include', '**/*.md', '--workspace', 'Docs');
  expect([imported.code, imported.stderr]).toEqual([0, '']);
  expect(imported.stdout).toContain(
    `${originals.size} imported, 0 changed, 0 unchanged, 0 refused`,
  );
  files = await filesOf(ann);
  expect([...files.keys()].sort()).toEqual([...originals.keys()].sort());
});

test('importing it again changes nothing', { timeout: 120_000 }, async () => {
  const [head] = await heads();
  const again = await command(
    'import',
    source,
    '--include',
    '{a,b,c}*/**/*.md',
    '--workspace',
    'docs',
  );
  expect([again.code, again.stderr]).toEqual([0, '']);
  expect(again.stdout).toMatch(/^0 imported, 0 changed, [1-9]\d* unchanged, 0 refused/);
  expect(await heads()).toEqual([head]);
});

test('each comes back byte for byte', { timeout: 60_000 }, async () => {
  const queue = files.values();
  const worker = async () => {
    for (const { id, attributes } of queue) {
      const response = await ann.fetch(`/files/${id}/content`);
      const original = originals.get(attributes.path as string)!;
      const same = Buffer.from(await response.arrayBuffer()).equals(original);
      expect([attributes.path, response.status, same]).toEqual([attributes.path, 200, true]);
      expect([
        attributes.path,
        attributes.size,
        attributes.version,
        attributes.storageBackend,
      ]).toEqual([attributes.path, original.length, 1, 'git']);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
});

test('a clone holds exactly them, and git finds no fault', { timeout: 60_000 }, async () => {
  const copy = join(folder, 'clone');
  expect((await run('git', ['clone', '--quiet', await gitUrl(), copy])).stderr).toBe('');
  const cloned = await markdownBelow(copy);
  expect([...cloned.keys()].sort()).toEqual([...originals.keys()].sort());
  for (const [path, bytes] of originals)
    expect([path, cloned.get(path)!.equals(bytes)]).toEqual([path, true]);
  const check = ['fsck', '--full', '--strict'];
  expect(await run('git', check, copy)).toMatchObject({ code: 0, stderr: '' });
  const [repository] = await readdir(join(dataDir, 'git'));
  const own = await run(
    'git',
    ['-c', 'safe.directory=*', ...check],
    join(dataDir, 'git', repository!),
  );
  expect([own.code, own.stderr.replace(/^.*(Checking|notice: HEAD).*\n/gm, '')]).toEqual([0, '']);
});

test('opening them live and leaving makes no version and no commit', {
  timeout: 120_000,
}, async () => {
  const [head] = await heads();
  const some = choose([...files.values()], 60, 60);
  const changed = await visit(
    ann,
    some.map(({ id }) => id),
  );
  expect(
    changed.map((id) => [...files.values()].find((file) => file.id === id)!.attributes.path),
  ).toEqual([]);
  expect(await heads()).toEqual([head]);
  // What a server has not recorded yet it records when it stops.
  expect(await server.stop()).toMatchObject({ code: 0, stderr: '' });
  server = await serveIn(dataDir, { LIMIT_REQUESTS: '1000000' });
  ann = new Person(server.url, ann.token);
  expect(await heads()).toEqual([head]);
  for (const [path, file] of await filesOf(ann))
    expect([path, file.attributes.version]).toEqual([path, 1]);
});

/** What `main` points at, as git sees it. */
async function heads(): Promise<string[]> {
  const { stdout } = await run('git', ['ls-remote', '--heads', await gitUrl()]);
  expect(stdout).toMatch(/^[0-9a-f]{40}\trefs\/heads\/main\n$/);
  return stdout.split('\n').filter(Boolean);
}

async function gitUrl(): Promise<string> {
  const { body } = await ann.get<RecordObject[]>('/workspaces?include=team');
  const [team, workspace] = [body.included![0]!, body.data[0]!].map((it) => it.attributes.slug);
  return `${server.url.replace('//', `//ann:${ann.token}@`)}/git/${team}/${workspace}.git`;
}

async function filesOf(person: Person): Promise<Map<string, RecordObject>> {
  const found = new Map<string, RecordObject>();
  for (let next: string | null = '/files?page[size]=100'; next; ) {
    const { body }: { body: { data: RecordObject[]; links: Record<string, string | null> } } =
      await person.get<RecordObject[]>(next);
    for (const file of body.data) found.set(file.attributes.path as string, file);
    next = body.links.next ?? null;
  }
  return found;
}

async function markdownBelow(root: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path.endsWith('.md'))
      found.set(relative(root, path), await readFile(path));
  }
  return found;
}
