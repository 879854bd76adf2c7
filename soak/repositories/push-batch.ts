/** Changes a clone at random, with git's own client, and pushes them. */
import { chmod, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { commitAs, must } from '../../server/test/git/repository.ts';
import { blobOf, freePath, isText, type Known, number, pick, textOf, type World } from './world.ts';

/** An encoding as git's header names it, the bytes of a name in it, and the name. */
const names: [string | undefined, string, string][] = [
  [undefined, '4afc7267656e', 'J\ufffdrgen'],
  [undefined, Buffer.from('Jürgen 🦊').toString('hex'), 'Jürgen 🦊'],
  ['ISO-8859-1', '4afc7267656e', 'Jürgen'],
  ['Windows-1251', 'cff0e8e2e5f2', 'Привет'],
  ['KOI8-R', 'f0d2c9d7c5d4', 'Привет'],
  ['Shift_JIS', '93fa967b', '日本'],
  ['CP932', '93fa967b', '日本'],
];

type Batch = { world: World; free: Set<Known>; author: string };
type Change = (batch: Batch) => Promise<string | undefined>;

/** Pushes a few changes, each of another file, by one commit or by a merge. */
export async function pushBatch(world: World): Promise<void> {
  const { clone, files, done } = world;
  await must(clone, 'pull', '-q', '--ff-only', 'origin', 'main').catch(() => undefined);
  const [encoding, hex, author] = pick(world, names);
  const batch = { world, free: new Set(files), author };
  const way = pick(world, ['commit', 'commit', 'merge', 'branch']);
  const start = await must(clone, 'rev-parse', '-q', '--verify', 'HEAD').catch(() => undefined);
  const isSplit = start !== undefined && way !== 'commit';
  const who = { encoding, name: Buffer.from(hex, 'hex'), message: Buffer.from(hex, 'hex') };
  if (isSplit) await must(clone, 'checkout', '-q', '-b', `topic-${world.count++}`);
  await makeChanges(batch);
  await commitAs(clone, { ...who, emptyFolder: number(world, 4) === 0 && !isSplit });
  if (isSplit) await merge(batch, way);
  else await must(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/main');
  done.push(`pushed by ${isSplit ? way : 'commit'}`);
}

async function makeChanges(batch: Batch): Promise<void> {
  const { world } = batch;
  const count = 2 + number(world, 6);
  if (world.files.size < 6) for (let at = 0; at < 6; at++) await add(batch);
  for (let at = 0; at < count; at++) {
    const said = await pick(world, changes)(batch);
    if (said) world.done.push(said);
  }
  await mkdir(join(world.clone, `empty-${world.count++}`, 'deep'), { recursive: true });
}

/** The topic is merged into `main` by git here, or pushed as a branch and merged by the server. */
async function merge({ world }: Batch, way: string): Promise<void> {
  const { clone, person, workspace } = world;
  const topic = await must(clone, 'rev-parse', '--abbrev-ref', 'HEAD');
  if (way === 'branch') await must(clone, 'push', '-q', 'origin', `HEAD:refs/heads/${topic}`);
  await must(clone, 'checkout', '-q', 'main');
  if (way === 'merge') {
    await must(clone, 'merge', '-q', '--no-ff', '--no-edit', topic);
    await must(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/main');
    return;
  }
  const url = `/branches?filter[workspace][id]=${workspace.id}&filter[name]=${topic}`;
  const { body } = await person.get<{ id: string }[]>(url);
  const merged = await person.post(`/branches/${body.data[0]!.id}/merge`, 'branches', {});
  if (merged.status !== 200) throw new Error(JSON.stringify(merged.body));
}

const add: Change = async ({ world, author }) => {
  const path = freePath(world);
  const bytes = number(world, 4) === 0 ? blobOf(world) : textOf(world, path);
  const executable = number(world, 4) === 0;
  world.files.add({ id: undefined, path, bytes, executable, version: 1, author });
  await write(world, path, bytes, executable);
  return `add ${path}`;
};

const edit: Change = async (batch) => {
  const file = take(batch, isText);
  if (!file) return undefined;
  await rewrite(batch, file);
  return `edit ${file.path}`;
};

const move: Change = async (batch) => {
  const file = take(batch);
  if (!file) return undefined;
  const { world } = batch;
  const from = file.path;
  await moveTo(world, file, freePath(world));
  if (number(world, 2) === 0 && isText(file)) await rewrite(batch, file);
  return `move ${from} to ${file.path}`;
};

const changeCase: Change = async (batch) => {
  const file = take(batch);
  if (!file) return undefined;
  const at = file.path.lastIndexOf('/') + 1;
  const name = file.path.slice(at);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  await moveTo(batch.world, file, file.path.slice(0, at) + other);
  return `change the case of ${file.path}`;
};

const swap: Change = async (batch) => {
  const [one, other] = [take(batch), take(batch)];
  if (!one || !other) return undefined;
  const [first, second] = [one.path, other.path];
  await moveTo(batch.world, one, `aside-${batch.world.count++}`);
  await moveTo(batch.world, other, first);
  await moveTo(batch.world, one, second);
  return `swap ${first} and ${second}`;
};

const chain: Change = async (batch) => {
  const [one, other] = [take(batch), take(batch)];
  if (!one || !other) return undefined;
  const path = other.path;
  await moveTo(batch.world, other, freePath(batch.world));
  await moveTo(batch.world, one, path);
  return `move on from ${path} to ${other.path}`;
};

const displace: Change = async (batch) => {
  const [one, other] = [take(batch), take(batch)];
  if (!one || !other) return undefined;
  forget(batch.world, other);
  await moveTo(batch.world, one, other.path);
  return `move over ${other.path}`;
};

const copy: Change = async ({ world, author, free }) => {
  const file = pick(world, [...free].filter(isText));
  if (!file) return undefined;
  free.delete(file);
  const path = freePath(world);
  const bytes = Buffer.from(file.bytes);
  world.files.add({
    id: undefined,
    path,
    bytes,
    executable: false,
    version: 1,
    author,
    isTwin: true,
  });
  file.isTwin = true;
  await write(world, path, bytes, false);
  return `copy ${file.path} to ${path}`;
};

const changeMode: Change = async (batch) => {
  const file = take(batch);
  if (!file) return undefined;
  file.executable = !file.executable;
  await chmod(join(batch.world.clone, file.path), file.executable ? 0o755 : 0o644);
  return `change the mode of ${file.path}`;
};

const remove: Change = async (batch) => {
  const file = take(batch);
  if (!file) return undefined;
  forget(batch.world, file);
  await rm(join(batch.world.clone, file.path));
  return `remove ${file.path}`;
};

const isAlone = (file: Known): boolean => !file.isTwin;

const changes = [add, edit, edit, move, move, changeCase, swap, chain, displace, copy].concat([
  changeMode,
  changeMode,
  remove,
]);

/** A file that no other change of this batch has. */
function take({ world, free }: Batch, isWanted = isAlone) {
  const file = pick(world, [...free].filter(isWanted));
  if (file) free.delete(file);
  return file as Known | undefined;
}

async function rewrite({ world, author }: Batch, file: Known): Promise<void> {
  const line = Buffer.from(`edit ${world.count++}\n`);
  file.bytes =
    number(world, 2) === 0 ? Buffer.concat([file.bytes, line]) : Buffer.concat([line, file.bytes]);
  file.version += 1;
  file.author = author;
  await write(world, file.path, file.bytes, file.executable);
}

function forget({ files, spent }: World, file: Known): void {
  files.delete(file);
  if (file.id) spent.add(file.id);
}

async function moveTo({ clone }: World, file: Known, path: string): Promise<void> {
  await mkdir(dirname(join(clone, path)), { recursive: true });
  await rename(join(clone, file.path), join(clone, path));
  await removeEmpty(clone, dirname(file.path));
  file.path = path;
}

async function removeEmpty(clone: string, folder: string): Promise<void> {
  if (folder === '.' || (await readdir(join(clone, folder))).length > 0) return;
  await rmdir(join(clone, folder));
  await removeEmpty(clone, dirname(folder));
}

async function write({ clone }: World, path: string, bytes: Buffer, executable: boolean) {
  await mkdir(dirname(join(clone, path)), { recursive: true });
  await writeFile(join(clone, path), bytes);
  await chmod(join(clone, path), executable ? 0o755 : 0o644);
}
