import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Editor, open, pause, until } from '../server/test/collaboration/editor.ts';
import { randomOf } from '../server/test/collaboration/random.ts';
import { type Person, type RecordObject, register } from '../server/test/support/api.ts';
import { removeData } from '../server/test/support/remove-data.ts';
import { FileWriter } from './files.ts';
import { LiveFile } from './live.ts';
import { freePort, Server, type Victims } from './server.ts';

type Options = {
  seed: number;
  runs: number;
  /** Milliseconds after which no further run begins. */
  within?: number;
  say?: (line: string) => void;
};
type World = {
  url: string;
  person: Person;
  workspace: RecordObject;
  address: string;
  files: FileWriter[];
  live: LiveFile[];
  /** Pages that are open, to be closed at the end whatever happens. */
  pages: Set<Editor>;
};

/**
 * Kills the server, its PostgreSQL or both at a moment that the seed chooses, while people type and
 * programs write; starts it again on the same folder and asks for everything that was acknowledged.
 * @throws AssertionError that says what was lost, and in which run
 */
export async function crash({
  seed,
  runs,
  within = Number.POSITIVE_INFINITY,
  say = () => undefined,
}: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-crash-'));
  const port = await freePort();
  let server = await Server.start(dataDir, port);
  let world: World | undefined;
  try {
    world = await begin(server.url, randomOf(seed));
    const end = performance.now() + within;
    for (let run = 1; run <= runs && performance.now() < end; run++) {
      const random = randomOf(seed * 1_000 + run);
      if (run % 20 === 0) world.live = await documents(world.person, world.workspace, run);
      const victims = random() < 0.6 ? 'server' : random() < 0.7 ? 'both' : 'database';
      try {
        const stale = await work(world, server, victims, random);
        server = await Server.start(dataDir, port);
        await inTime(verify(world, stale));
        if (run % 10 === 0 || run === runs) await inTime(verifyClone(world));
      } catch (error) {
        throw new Error(`Run ${run} failed (killed: ${victims}). ${server.complaints}`, {
          cause: error,
        });
      }
      const words = world.live.reduce((sum, live) => sum + live.acknowledged, 0);
      const written = world.files.reduce((sum, writer) => sum + writer.written, 0);
      say(`run ${run}: killed ${victims}; ${words} words and ${written} writes are there`);
    }
  } finally {
    for (const page of world?.pages ?? []) page.leave();
    await server.stop();
    await removeData(dataDir);
  }
}

async function begin(url: string, random: () => number): Promise<World> {
  const owner = await register(url);
  const workspace = await owner.workspace('Soak');
  const { body } = await owner.get<RecordObject[]>('/teams');
  const person = await owner.key('write');
  const slugs = [body.data[0]!, workspace].map(({ attributes }) => attributes.slug as string);
  return {
    url,
    person,
    workspace,
    address: `${url.replace('//', `//x:${person.token}@`)}/git/${slugs.join('/')}.git`,
    files: ['a', 'b'].map((name) => new FileWriter(name, workspace, randomOf(random() * 2 ** 31))),
    live: await documents(person, workspace, 0),
    pages: new Set(),
  };
}

const documents = (person: Person, workspace: RecordObject, run: number): Promise<LiveFile[]> =>
  Promise.all(
    ['md', 'txt'].map(async (kind) => {
      const text = 'Start here.\n\nGo on.\n';
      return new LiveFile((await person.file(workspace, `live/${run}.${kind}`, text)).id);
    }),
  );

/** Types and writes until the kill; answers the pages that were left open. */
async function work(
  world: World,
  server: Server,
  victims: Victims,
  random: () => number,
): Promise<{ live: LiveFile; editor: Editor }[]> {
  let killed = false;
  const over = () => killed;
  const { person } = world;
  const own = () => randomOf(random() * 2 ** 31);
  const pages = world.live.flatMap((live) =>
    [0, 1].map(() => ({ live, editor: live.sit(world.url, person.token!) })),
  );
  const all = [
    ...pages.map(({ live, editor }) => live.typeUntil(editor, own(), over)),
    ...world.live.map((live) => live.appendUntil(person, own(), over)),
    ...world.files.map((writer) => writer.writeUntil(person, over)),
  ];
  world.pages = new Set(pages.map(({ editor }) => editor));
  const workers = Promise.all(all);
  // A worker's complaint must not end the process before it is heard below.
  workers.catch(() => undefined);
  await pause(150 + random() * 750);
  await server.kill(victims).finally(() => {
    killed = true;
  });
  await workers;
  const keep = random() < 0.2 ? 1 : 0;
  for (const { editor } of pages.slice(keep)) editor.leave();
  return pages.slice(0, keep);
}

/** What never comes true is a failure too. */
async function inTime(work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  const limit = setTimeout(
    () => reject(new Error('It was not all there within a minute.')),
    60_000,
  );
  await Promise.race([work, promise]).finally(() => clearTimeout(limit));
}

async function verify(world: World, stale: { live: LiveFile; editor: Editor }[]): Promise<void> {
  const { person, url } = world;
  for (const live of world.live) {
    const editor = await open(url, person.token, live.id);
    world.pages.add(editor);
    live.verify(editor.text, 'the live document');
    // A page that was open all the time comes back with what it could not save.
    for (const page of stale.filter((it) => it.live === live)) {
      await until(() => page.editor.isSaved && page.editor.text === editor.text);
      live.verify(page.editor.text, 'a page that came back');
      page.editor.leave();
    }
    const { status } = await person.post(`/files/${live.id}/versions`, 'file-versions');
    assert.ok(status === 200 || status === 201, `a version was answered with ${status}`);
    live.verify(await (await person.fetch(`/files/${live.id}/content`)).text(), 'the file');
    editor.leave();
  }
  for (const writer of world.files) await writer.verify(person);
}

async function verifyClone({ address, files }: World): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-clone-'));
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: folder });
  try {
    await git('clone', '-q', address, 'clone');
    await git('-C', 'clone', 'fsck', '--full', '--strict');
    for (const writer of files)
      for (const [path, content] of writer.tree)
        assert.equal(await readFile(join(folder, 'clone', path), 'utf8'), content, path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
