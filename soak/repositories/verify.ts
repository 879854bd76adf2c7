/** Compares what the server, a clone and an export hold with the model. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';
import { pause } from '../../server/test/collaboration/editor.ts';
import { git, must } from '../../server/test/git/repository.ts';
import type { RecordObject } from '../../server/test/support/api.ts';
import type { World } from './world.ts';

type Shown = { path: string; executable: boolean; bytes: string };
const shown = (path: string, bytes: Buffer, executable: boolean): Shown => ({
  ...{ path, executable, bytes: bytes.toString('base64') },
});
const sorted = (all: Shown[]) => all.sort((a, b) => (a.path < b.path ? -1 : 1));

/** Ids, versions, modes, authors and bytes, as the API tells them; ids of new files are learnt. */
export async function verifyRecords(world: World): Promise<void> {
  const { files, person, spent, workspace } = world;
  const url = `/workspaces/${workspace.id}/files?page[limit]=100`;
  const records = (await person.get<RecordObject[]>(url)).body.data;
  const byPath = new Map(records.map((record) => [record.attributes.path as string, record]));
  const paths = [...files].map(({ path }) => path).sort();
  assert.deepEqual([...byPath.keys()].sort(), paths);
  const ids = new Set([...files].flatMap(({ id }) => id ?? []));
  for (const file of files) {
    const { id, attributes } = byPath.get(file.path)!;
    if (!file.id) assert.ok(!spent.has(id) && !ids.has(id), `${file.path} has the id of another`);
    file.id ??= id;
    assert.equal(id, file.id, `${file.path} has another id`);
    const { version, executable } = attributes;
    const wanted = { path: file.path, version: file.version, executable: file.executable };
    assert.deepEqual({ path: file.path, version, executable }, wanted);
    const content = await (await person.fetch(`/files/${id}/content`)).arrayBuffer();
    assert.ok(Buffer.from(content).equals(file.bytes), `${file.path} has other bytes`);
    await verifyHistory(world, id, file.version, file.author);
  }
}

async function verifyHistory({ person }: World, id: string, count: number, author?: string) {
  const url = `/files/${id}/versions?sort=-version&page[limit]=100`;
  const versions = (await person.get<RecordObject[]>(url)).body.data;
  const numbers = versions.map(({ attributes }) => attributes.version);
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, at) => count - at),
  );
  if (author === undefined) return;
  const [first] = versions[0]!.attributes.authors as { name: string }[];
  assert.equal(first!.name, author);
}

/** A fresh clone has exactly the files; what is binary, by a pointer. */
export async function verifyClone(world: World): Promise<void> {
  const { address, files, folder, repository } = world;
  const name = `fresh-${world.count++}`;
  await must(folder, 'clone', '-q', address, name);
  const clone = join(folder, name);
  const listed = (await must(clone, 'ls-files', '-z')).split('\0').filter(Boolean);
  const found = listed.map(async (path) => {
    const { mode } = await stat(join(clone, path));
    return shown(path, await readFile(join(clone, path)), (mode & 0o100) !== 0);
  });
  const wanted = [...files].map(async ({ path, bytes, executable, id }) => {
    const { body } = await world.person.get(`/files/${id}`);
    const isInGit = body.data.attributes.storageBackend === 'git';
    return shown(path, isInGit ? bytes : await readFile(join(clone, path)), executable);
  });
  assert.deepEqual(sorted(await Promise.all(found)), sorted(await Promise.all(wanted)));
  const checked = await git(repository, 'fsck', '--full', '--no-dangling');
  assert.deepEqual([checked.ok, checked.out], [true, ''], checked.said);
}

/** The exported zip has exactly the files. */
export async function verifyExport({ files, person, workspace }: World): Promise<void> {
  const begun = await person.post(`/workspaces/${workspace.id}/export`, 'workspaces', {});
  const url = `/transfers/${begun.body.data.id}`;
  while ((await person.get(url)).body.data.attributes.finishedAt === null) await pause(50);
  const bytes = Buffer.from(await (await person.fetch(`${url}/content`)).arrayBuffer());
  const zip = await fromBufferPromise(bytes, { lazyEntries: true });
  const found: Shown[] = [];
  for await (const entry of zip.eachEntry()) {
    const content = await buffer(await zip.openReadStreamPromise(entry));
    found.push(
      shown(entry.fileName, content, ((entry.externalFileAttributes >>> 16) & 0o100) !== 0),
    );
  }
  const wanted = [...files].map((file) => shown(file.path, file.bytes, file.executable));
  assert.deepEqual(sorted(found), sorted(wanted));
}
