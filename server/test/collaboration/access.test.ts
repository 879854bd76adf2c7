import { expect, test } from 'vitest';
import * as Y from 'yjs';
import { type Person, register } from '../support/api.ts';
import { type Editor, open, until } from './editor.ts';
import { authFrame, awarenessFrame, RawClient, sync, syncFrame } from './frames.ts';
import { invite, useScene } from './scene.ts';

const scene = useScene();
type File = { id: string };

test('a reader sees what is typed and changes nothing, by no kind of frame', async () => {
  const { server, ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'read.md', 'One.\n');
  const key = await ann.key('read');
  const [writer, reader] = [await edit(ann, file), await edit(key, file)];
  writer.type('typed');
  await until(() => writer.isSaved && reader.text === 'typed One.');
  const before = await stored(file);

  reader.type('mine');
  const raw = await RawClient.open(server.url);
  raw.send(authFrame(file.id, key.token!));
  const update = anEdit(writer, 'forged');
  raw.send(syncFrame(file.id, sync.step2, update));
  raw.send(syncFrame(file.id, sync.update, update));
  await until(() => raw.received.filter((name) => name === 'status:0').length === 2);
  expect(raw.received).not.toContain('status:1');
  expect(writer.text).toBe('typed One.');
  expect(reader.isSaved).toBe(false);
  expect(await stored(file)).toEqual(before);
  raw.close();
});

test("nobody shows a cursor under another's name, or moves another's", async () => {
  const { server, ann, workspace, edit } = scene;
  const ben = await invite(scene, 'Ben');
  const file = await ann.file(workspace, 'cursors.md', 'One.\n');
  const [hers, watcher] = [await edit(ann, file), await edit(ann, file)];
  const { clientID } = hers.document;
  hers.provider.setAwarenessField('user', { name: 'Ann', color: 'red' });
  const seenOf = (client: number) => watcher.provider.awareness!.getStates().get(client)?.user;
  await until(() => seenOf(clientID) !== undefined);
  const raw = await RawClient.open(server.url);
  raw.send(authFrame(file.id, ben.token!));
  raw.send(awarenessFrame(file.id, clientID, 1_000, { user: { name: 'Ben was here' } }));
  raw.send(awarenessFrame(file.id, 77, 1, { user: { name: 'Ann', color: 'blue' } }));
  await until(() => seenOf(77) !== undefined);
  expect(seenOf(77)).toEqual({ id: ben.id, name: 'Ben', color: 'blue' });
  expect(seenOf(clientID)).toEqual({ id: ann.id, name: 'Ann', color: 'red' });
  raw.close();
});

test('who may not open a document is refused, and it stays as it is', async () => {
  const { server, ann, workspace } = scene;
  const stranger = await register(server.url, 'Mallory');
  const file = await ann.file(workspace, 'private.md', 'One.\n');
  const trashed = await ann.file(workspace, 'trashed.md', 'One.\n');
  await ann.delete(`/files/${trashed.id}`);
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]);
  const binary = await ann.file(workspace, 'binary.png');
  const type = { 'content-type': 'image/png' };
  await ann.fetch(`/files/${binary.id}/content`, { method: 'PUT', raw: png, headers: type });
  const otherTypes = await ann.key('workspaces:read');
  const attempts: [string | undefined, string][] = [
    ['nonsense', file.id],
    ['', file.id],
    [`${ann.token}x`, file.id],
    [stranger.token, file.id],
    [otherTypes.token, file.id],
    [ann.token, '019a0000-0000-7000-8000-000000000000'],
    [ann.token, 'not an id'],
    [ann.token, file.id.toUpperCase()],
    [ann.token, trashed.id],
    [ann.token, binary.id],
  ];
  for (const [token, id] of attempts) {
    const editor = await open(server.url, token, id);
    expect([id, editor.refused, editor.text]).toEqual([id, 'permission-denied', '']);
    editor.leave();
  }
  expect(await stored(file)).toEqual({ updates: 0, snapshot: undefined });
});

test('another site may not open a socket here', async () => {
  const { server } = scene;
  const { WebSocket } = await import('ws');
  const url = `${server.url.replace('http', 'ws')}/collaboration`;
  const socket = new WebSocket(url, { origin: 'https://evil.example' });
  const code = await new Promise((resolve) => socket.once('close', resolve));
  expect(code).toBe(4403);
});

type Ending = [string, () => Promise<{ person: Person; end: () => Promise<unknown> }>];
const endings: Ending[] = [
  [
    'sign-out',
    async () => {
      const person = await invite(scene, 'Ben');
      return { person, end: () => person.request('/users/sign-out', { method: 'POST' }) };
    },
  ],
  [
    'a revoked key',
    async () => {
      const person = await scene.ann.key('write');
      const { body } = await scene.ann.get<File[]>('/api-keys?sort=-insertedAt');
      return { person, end: () => scene.ann.delete(`/api-keys/${body.data[0]!.id}`) };
    },
  ],
  [
    'a membership that ends',
    async () => {
      const person = await invite(scene, 'Cid');
      const text =
        'delete from user_teams where user_id = $1 and team_id = (select team_id from workspaces where id = $2)';
      return { person, end: () => scene.server.query(text, [person.id, scene.workspace.id]) };
    },
  ],
];

test.each(endings)('%s closes the connection, and nothing later is stored', async (name, begin) => {
  const { server, ann, workspace, edit } = scene;
  const { person, end } = await begin();
  const file = await ann.file(workspace, `${name}.md`, 'One.\n');
  const [hers, theirs] = [await edit(ann, file), await edit(person, file)];
  const raw = await RawClient.open(server.url);
  raw.send(authFrame(file.id, person.token!));
  await until(() => raw.received.includes('auth:2'));
  theirs.type('before');
  await until(() => theirs.isSaved && hers.text === 'before One.');
  await end();
  await until(() => theirs.closed);
  const before = await stored(file);
  raw.send(syncFrame(file.id, sync.update, anEdit(hers, 'after')));
  theirs.type('after');
  const again = await open(server.url, person.token, file.id);
  expect(again.refused).toBe('permission-denied');
  again.leave();
  expect(await stored(file)).toEqual(before);
  expect(hers.text).toBe('before One.');
  hers.type('mine');
  await until(() => hers.isSaved);
  raw.close();
});

/** What is stored of a document. */
async function stored(file: File) {
  const [row] = await scene.server.query<{ updates: number; snapshot?: string }>(
    `select (select count(*)::int from document_updates where file_id = $1) as updates,
      (select md5(snapshot) from document_states where file_id = $1) as snapshot`,
    [file.id],
  );
  return { updates: row!.updates, snapshot: row!.snapshot ?? undefined };
}

/** The update of a word at the start of what an editor shows, made under a new client id. */
function anEdit(editor: Editor, word: string): Uint8Array {
  const document = new Y.Doc();
  Y.applyUpdate(document, Y.encodeStateAsUpdate(editor.document));
  const before = Y.encodeStateVector(document);
  const block = document.getXmlFragment('default').get(0) as Y.XmlElement;
  (block.get(0) as Y.XmlText).insert(0, word);
  return Y.encodeStateAsUpdate(document, before);
}
