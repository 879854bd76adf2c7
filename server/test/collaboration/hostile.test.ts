import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import * as Y from 'yjs';
import type { Person, RecordObject } from '../support/api.ts';
import { type Editor, texts, until } from './editor.ts';
import { authFrame, fillingUpdate, RawClient, sync, syncFrame } from './frames.ts';
import { randomOf } from './random.ts';
import { invite, useScene } from './scene.ts';

const scene = useScene();
let count = 0;
let file: RecordObject;
/** Ann at the document, who must notice nothing. */
let ann: Editor;
let mallory: Person | undefined;

// Hocuspocus prints every malformed frame with its stack.
beforeAll(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
beforeEach(async () => {
  file = await scene.ann.file(scene.workspace, `hostile-${++count}.md`, 'One.\n');
  ann = await scene.edit(scene.ann, file);
});

const garbage: [string, (random: () => number) => Uint8Array][] = [
  ['random bytes', (random) => randomBytes(random, 40)],
  ['a frame cut short', () => syncFrame(file.id, sync.update, edit('x')).subarray(0, -3)],
  ['a sync message of an unknown kind', () => syncFrame(file.id, 9, edit('x'))],
  [
    'an update of random bytes',
    (random) => syncFrame(file.id, sync.update, randomBytes(random, 30)),
  ],
  [
    'a second step of random bytes',
    (random) => syncFrame(file.id, sync.step2, randomBytes(random, 30)),
  ],
  [
    'an update in the second format',
    () => syncFrame(file.id, sync.update, edit('x', Y.encodeStateAsUpdateV2)),
  ],
  // 21 bytes that make the decoder of the second format count to 2^31.
  [
    'a bomb in the second format',
    () =>
      syncFrame(
        file.id,
        sync.update,
        Buffer.from('000000000000000001c0ffffff0f0000000000000000', 'hex'),
      ),
  ],
  [
    'an update of a huge number of structs',
    () => syncFrame(file.id, sync.update, Buffer.from('01ffffffffffffff0f01000000', 'hex')),
  ],
  ['nothing at all', () => new Uint8Array()],
];

test.each(garbage)('%s disturbs nobody and leaves nothing', async (_, make) => {
  const random = randomOf(7);
  for (let at = 0; at < 20; at++) {
    const raw = await intruder();
    raw.send(make(random));
    raw.close();
    await until(() => raw.closeCode !== undefined);
  }
  await staysWhole();
});

test('a message over the limit closes its connection', async () => {
  const raw = await intruder();
  raw.send(syncFrame(file.id, sync.update, new Uint8Array(16 * 2 ** 20)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(1009);
  await staysWhole();
});

test('updates before authentication, and for another document on the same socket, are not applied', async () => {
  const other = await scene.ann.file(scene.workspace, `other-${count}.md`, 'Other.\n');
  mallory ??= await invite(scene, 'Mallory');
  const raw = await RawClient.open(scene.server.url);
  raw.send(syncFrame(file.id, sync.update, edit('early')));
  raw.send(authFrame(file.id, 'no token'));
  await until(() => raw.received.includes('auth:1'));
  raw.send(authFrame(other.id, mallory.token!));
  await until(() => raw.received.includes('auth:2'));
  raw.send(syncFrame(file.id, sync.update, edit('elsewhere')));
  raw.send(syncFrame(other.id, sync.step1, Buffer.from([0])));
  await until(() => raw.received.includes('sync:1'));
  raw.close();
  await staysWhole();
});

test("an edit under another's client id is refused, and the other's next edits land", async () => {
  ann.type('hers');
  await until(() => ann.isSaved);
  const client = ann.document.clientID;
  const next = Y.getState(ann.document.store, client);
  const raw = await intruder();
  // A browser answers with all that it has read, others' edits too: of that the server takes its own.
  raw.send(syncFrame(file.id, sync.step2, fillingUpdate(client, next, 1_000)));
  await until(() => acknowledged(raw) === 1);
  expect(Y.getState(ann.document.store, client)).toBe(next);
  raw.send(syncFrame(file.id, sync.update, fillingUpdate(client, next, 1_000)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4409);
  await staysWhole('hers One.');
});

test("edits that a person's browser sends again under its id are accepted", async () => {
  ann.type('first');
  await until(() => ann.isSaved);
  // The page's connection broke; the server still holds it open when the page is back.
  const again = await scene.edit(scene.ann, file);
  const page = new Y.Doc();
  page.clientID = ann.document.clientID;
  Y.applyUpdate(page, Y.encodeStateAsUpdate(ann.document));
  texts(page.getXmlFragment('default'))[0]!.insert(0, 'offline ');
  Y.applyUpdate(again.document, Y.encodeStateAsUpdate(page));
  await until(() => again.isSaved && ann.text === 'offline first One.');
});

test('what waits for updates that never come is bounded, and survives while it is small', async () => {
  const raw = await intruder();
  raw.send(syncFrame(file.id, sync.update, fillingUpdate(4_711, 5, 1)));
  await until(() => raw.received.includes('status:1'));
  const rows = await scene.server.query<{ update: Buffer }>(
    'select update from document_updates where file_id = $1',
    [file.id],
  );
  expect(rows.some(({ update }) => Y.parseUpdateMeta(update).to.get(4_711) === 6)).toBe(true);
  const before = ann.document.store.clients.size;
  for (let at = 0; raw.closeCode === undefined; at++) {
    raw.send(syncFrame(file.id, sync.update, parkedUpdate(5_000 + at)));
    await until(() => raw.closeCode !== undefined || acknowledged(raw) > at + 1);
  }
  expect(raw.closeCode).toBe(4409);
  expect(ann.document.store.clients.size).toBe(before);
  await staysWhole();
});

/** Somebody of the team who speaks frames, let in. */
async function intruder(): Promise<RawClient> {
  mallory ??= await invite(scene, 'Mallory');
  const raw = await RawClient.open(scene.server.url);
  raw.send(authFrame(file.id, mallory.token!));
  // Who was thrown out waits before they come in again.
  await until(() => raw.received.some((name) => name === 'auth:2' || name === 'auth:1'));
  return raw;
}

/** The server lives, Ann still types, and nothing but her words is in the document. */
async function staysWhole(text = 'One.'): Promise<void> {
  expect(ann.closed).toBe(false);
  expect(ann.text).toBe(text);
  ann.type('after');
  await until(() => ann.isSaved);
  const fresh = await scene.edit(scene.ann, file);
  expect(fresh.text).toBe(`after ${text}`);
}

const acknowledged = (raw: RawClient) => raw.received.filter((name) => name === 'status:1').length;

type Encode = (document: Y.Doc, before: Uint8Array) => Uint8Array;

/** An edit of what Ann sees, under a new client id. */
function edit(word: string, encode: Encode = Y.encodeStateAsUpdate): Uint8Array {
  const document = new Y.Doc();
  Y.applyUpdate(document, Y.encodeStateAsUpdate(ann.document));
  const before = Y.encodeStateVector(document);
  if (word !== '') texts(document.getXmlFragment('default'))[0]!.insert(0, word);
  return encode(document, before);
}

/** The second of two updates: about 10 kB that wait for the first. */
function parkedUpdate(client: number): Uint8Array {
  const document = new Y.Doc();
  document.clientID = client;
  document.getText('elsewhere').insert(0, 'a');
  const before = Y.encodeStateVector(document);
  document.getText('elsewhere').insert(1, 'b'.repeat(10_000));
  return Y.encodeStateAsUpdate(document, before);
}

const randomBytes = (random: () => number, length: number) =>
  Uint8Array.from({ length }, () => Math.floor(random() * 256));
