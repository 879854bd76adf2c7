/** Changes files at random as the app and programs do. */
import assert from 'node:assert/strict';
import { open, until } from '../../server/test/collaboration/editor.ts';
import { blobOf, freePath, isText, type Known, number, pick, type World } from './world.ts';

type Change = (world: World, file: Known) => Promise<void>;

/** A few changes by the API and by live documents. */
export async function apiBatch(world: World): Promise<void> {
  const count = 1 + number(world, 5);
  for (let at = 0; at < count; at++) {
    const file = pick(world, [...world.files]);
    const change = pick(world, changes);
    world.done.push(`${change.name} ${file.path}`);
    await change(world, file);
  }
}

const put: Change = async ({ person, ...world }, file) => {
  const more = Buffer.from(`put ${world.count++}\n`);
  const bytes = isText(file) ? Buffer.concat([file.bytes, more]) : blobOf({ person, ...world });
  const path = `/files/${file.id}/content`;
  const headers = { 'content-type': 'application/octet-stream' };
  const answer = await person.request(path, { method: 'PUT', raw: bytes, headers });
  assert.equal(answer.status, 200);
  Object.assign(file, { bytes, version: file.version + 1, author: undefined });
};

const move: Change = async (world, file) => {
  file.path = freePath(world);
  await patch(world, file, { path: file.path });
};

const changeMode: Change = async (world, file) => {
  file.executable = !file.executable;
  await patch(world, file, { executable: file.executable });
};

const trash: Change = async ({ person }, file) => {
  assert.equal((await person.delete(`/files/${file.id}`)).status, 204);
  assert.equal((await person.post(`/files/${file.id}/restore`, 'files', {})).status, 200);
};

const type: Change = async ({ person, count }, file) => {
  if (!isText(file) || !file.path.endsWith('.md')) return;
  const editor = await open(person.url, person.token, file.id!);
  editor.type(`typed-${count}`);
  await until(() => editor.isSaved);
  assert.equal((await person.post(`/files/${file.id}/versions`, 'file-versions')).status, 201);
  editor.leave();
  const bytes = Buffer.from(await (await person.fetch(`/files/${file.id}/content`)).arrayBuffer());
  const without = bytes.toString().replace(`typed-${count} `, '');
  assert.equal(without, file.bytes.toString(), 'typing changed more than what was typed');
  Object.assign(file, { bytes, version: file.version + 1, author: undefined });
};

const changes = [put, move, changeMode, trash, type];

async function patch({ person }: World, { id }: Known, attributes: object): Promise<void> {
  const answer = await person.patch(`/files/${id}`, { type: 'files', id: id! }, attributes);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}
