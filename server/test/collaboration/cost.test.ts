import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import * as Y from 'yjs';
import { cleanState } from '../../src/collaboration/awareness-check.ts';
import type { Person, RecordObject } from '../support/api.ts';
import { type Editor, texts, until } from './editor.ts';
import { authFrame, awarenessFrame, fillingUpdate, RawClient, sync, syncFrame } from './frames.ts';
import { invite, useScene } from './scene.ts';

const scene = useScene();
let count = 0;
let file: RecordObject;
let ann: Editor;
let mallory: Person;

// Hocuspocus prints every frame that it refuses with its stack.
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  mallory = await invite(scene, 'Mallory');
});
beforeEach(async () => {
  file = await scene.ann.file(scene.workspace, `cost-${++count}.md`, 'One.\n');
  ann = await scene.edit(scene.ann, file);
});

test('A5 a delete set of 9 MB is not applied, and who sent it waits before they come back', async () => {
  const raw = await intruder(mallory);
  raw.send(syncFrame(file.id, sync.update, removals(2_000_000)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4429);
  const again = await RawClient.open(scene.server.url);
  again.send(authFrame(file.id, mallory.token!));
  await until(() => again.received.includes('auth:1'));
  // Others of the team come in, and so do they elsewhere.
  const ben = await invite(scene, 'Ben');
  const other = await scene.ann.file(scene.workspace, `elsewhere-${count}.md`, 'Two.\n');
  const [his, hers] = [await scene.edit(ben, file), await scene.edit(mallory, other)];
  expect([his.text, hers.text]).toEqual(['One.', 'Two.']);
  expect(ann.document.store.pendingDs).toBeNull();
  again.close();
});

test('A5 invented cursors are shown to nobody: a message holds the state of its own client', async () => {
  const raw = await intruder(mallory);
  raw.send(awarenessFrame(file.id, 71, 1, { user: { name: 'x', color: 'red' } }));
  await until(() => ann.provider.awareness!.getStates().has(71));
  for (let client = 1_000; client < 1_050; client++)
    raw.send(awarenessFrame(file.id, client, 1, { user: { name: 'x' } }));
  raw.send(awarenessFrame(file.id, 71, 2, { user: { name: 'x', color: 'blue' } }));
  await until(() => ann.provider.awareness!.getStates().get(71)?.user?.color === 'blue');
  const shown = [...ann.provider.awareness!.getStates().keys()];
  expect(shown.sort()).toEqual([71, ann.document.clientID].sort());
  raw.send(manyStates(100_000));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4429);
  expect(ann.provider.awareness!.getStates().size).toBeLessThan(3);
});

test('B6 malformed awareness is shown to nobody', async () => {
  const shown = { id: 'a', name: 'Ann' };
  const at = { item: { client: 1, clock: 2 }, assoc: 0 };
  const good = { user: { name: 'x', color: '#fff' }, cursor: { anchor: at, head: at } };
  expect(cleanState(good, shown)).toEqual({
    user: { id: 'a', name: 'Ann', color: '#fff' },
    cursor: good.cursor,
  });
  const malformed: unknown[] = [
    ...[7, 'text', null, [1], { user: 7 }, { user: null }, { cursor: 7 }, { cursor: {} }],
    ...[{ anchor: 1, head: 2 }, { anchor: at }, { anchor: at, head: { item: {} } }].map(
      (cursor) => ({
        cursor,
      }),
    ),
    ...[
      { client: -1, clock: 0 },
      { client: 1, clock: 0.5 },
      { client: '1', clock: 0 },
    ].map((item) => ({
      cursor: { anchor: at, head: { item } },
    })),
    { cursor: { anchor: at, head: { tname: 'other' } } },
  ];
  expect(malformed.map((state) => cleanState(state, shown))).toEqual(
    malformed.map(() => undefined),
  );

  const raw = await intruder(mallory);
  const seen: unknown[] = [];
  ann.provider.awareness!.on('change', () =>
    seen.push(ann.provider.awareness!.getStates().get(72)),
  );
  malformed.forEach((state, index) => {
    raw.send(awarenessFrame(file.id, 72, index + 1, state as object));
  });
  raw.send(awarenessFrame(file.id, 72, 100, good));
  await until(() => seen.some(Boolean));
  expect(seen.filter(Boolean)).toEqual([
    { user: { id: mallory.id, name: 'Mallory', color: '#fff' }, cursor: good.cursor },
  ]);
  raw.close();
});

test('A5 questions are answered in turn with everybody else', async () => {
  const raw = await intruder(mallory);
  for (let at = 0; at < 1_500; at++) raw.send(syncFrame(file.id, sync.step1, Buffer.from([0])));
  await until(() => raw.received.includes('sync:1'));
  const answered = () => raw.received.filter((name) => name === 'sync:1').length;
  const alive = await fetch(`${scene.server.url}/health/live`);
  expect(alive.status).toBe(200);
  ann.type('between');
  await until(() => ann.isSaved);
  await until(() => answered() === 1_500);
  raw.close();
});

test('A5 an honest edit of a few megabytes gets in, and so do many small ones', async () => {
  const [first] = texts(ann.fragment);
  first!.insert(0, 'x'.repeat(3 * 2 ** 20));
  for (let at = 0; at < 300; at++) first!.insert(at * 2, 'y');
  await until(() => ann.isSaved);
  const fresh = await scene.edit(scene.ann, file);
  expect(fresh.text.length).toBe(3 * 2 ** 20 + 304);
});

test('13.A4 offline work is not lost to a struct under its client id, and its author need not be connected', async () => {
  const ben = await invite(scene, 'Ben');
  const his = await scene.edit(ben, file);
  his.type('his');
  await until(() => his.isSaved);
  const { clientID } = his.document;
  const kept = Y.encodeStateAsUpdate(his.document);
  const next = Y.getState(his.document.store, clientID);
  his.leave();
  // Everybody leaves, and the document is forgotten: whose the id is stays.
  ann.leave();
  await until(async () => {
    const [row] = await scene.server.query<{ count: number }>(
      'select count(*)::int as count from document_updates where file_id = $1',
      [file.id],
    );
    return row!.count === 0;
  });
  for (const kind of [sync.update, sync.step2]) {
    const raw = await intruder(mallory);
    raw.send(syncFrame(file.id, kind, fillingUpdate(clientID, next, 1_000)));
    if (kind === sync.update) {
      await until(() => raw.closeCode !== undefined);
      expect(raw.closeCode).toBe(4409);
    } else await until(() => raw.received.includes('status:1'));
    raw.close();
  }

  const offline = new Y.Doc();
  Y.applyUpdate(offline, kept);
  offline.clientID = clientID;
  texts(offline.getXmlFragment('default'))[0]!.insert(0, 'offline ');
  const back = await scene.edit(ben, file);
  Y.applyUpdate(back.document, Y.encodeStateAsUpdate(offline));
  await until(() => back.isSaved);
  const fresh = await scene.edit(scene.ann, file);
  expect(fresh.text).toBe('offline his One.');
});

test("13.A4 a client id that was only seen at a cursor is its owner's too", async () => {
  const ben = await invite(scene, 'Ben');
  const his = await scene.edit(ben, file);
  const { clientID } = his.document;
  his.provider.setAwarenessField('user', { name: 'Ben', color: 'red' });
  await until(() => ann.provider.awareness!.getStates().has(clientID));
  const offline = new Y.Doc();
  Y.applyUpdate(offline, Y.encodeStateAsUpdate(his.document));
  offline.clientID = clientID;
  his.leave();
  await until(() => !ann.provider.awareness!.getStates().has(clientID));
  const raw = await intruder(mallory);
  raw.send(syncFrame(file.id, sync.update, fillingUpdate(clientID, 0, 1_000)));
  await until(() => raw.closeCode !== undefined);
  texts(offline.getXmlFragment('default'))[0]!.insert(0, 'offline ');
  const back = await scene.edit(ben, file);
  Y.applyUpdate(back.document, Y.encodeStateAsUpdate(offline));
  await until(() => back.isSaved && ann.text === 'offline One.');
});

test("13.A4 a browser that holds more of another's edits than the server gets its own in", async () => {
  const ben = await invite(scene, 'Ben');
  ann.type('first');
  await until(() => ann.isSaved);
  // As after a crash: what Ann typed last was shown to Ben, and is not in the log.
  const lost = new Y.Doc();
  Y.applyUpdate(lost, Y.encodeStateAsUpdate(ann.document));
  lost.clientID = ann.document.clientID;
  texts(lost.getXmlFragment('default'))[0]!.insert(0, 'lost ');
  const held = new Y.Doc();
  Y.applyUpdate(held, Y.encodeStateAsUpdate(lost));
  const block = new Y.XmlElement('paragraph');
  block.insert(0, [new Y.XmlText('his own')]);
  held.getXmlFragment('default').insert(1, [block]);
  const raw = await intruder(ben);
  raw.send(syncFrame(file.id, sync.step2, Y.encodeStateAsUpdate(held)));
  await until(() => raw.received.includes('status:1'));
  await until(() => ann.text.includes('his own'));
  expect(ann.text).toBe('first One.\nhis own');
  raw.close();
});

async function intruder(person: Person): Promise<RawClient> {
  const raw = await RawClient.open(scene.server.url);
  raw.send(authFrame(file.id, person.token!));
  await until(() => raw.received.includes('auth:2'));
  return raw;
}

/** An update that removes every second letter of a client that wrote nothing. */
function removals(ranges: number): Uint8Array {
  const bytes: number[] = [0, 1, ...number(5), ...number(ranges)];
  for (let at = 0; at < ranges; at++) {
    for (const byte of number(at * 2)) bytes.push(byte);
    bytes.push(1);
  }
  return Uint8Array.from(bytes);
}

function manyStates(states: number): Uint8Array {
  const parts: number[] = number(states);
  for (let at = 0; at < states; at++) {
    for (const byte of number(1_000 + at)) parts.push(byte);
    parts.push(1, 2, 123, 125);
  }
  const address = Buffer.from(file.id);
  return Uint8Array.from(
    [...number(address.length), ...address, 1, ...number(parts.length)].concat(parts),
  );
}

function number(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return [...out, rest];
}
