import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as Y from 'yjs';
import { open, pause, until } from '../server/test/collaboration/editor.ts';
import {
  authFrame,
  awarenessFrame,
  fillingUpdate,
  RawClient,
  sync,
  syncFrame,
} from '../server/test/collaboration/frames.ts';
import { randomOf } from '../server/test/collaboration/random.ts';
import { type Person, type RecordObject, register } from '../server/test/support/api.ts';
import { removeData } from '../server/test/support/remove-data.ts';
import { LiveFile } from './live.ts';
import { freePort, Server } from './server.ts';

type Random = () => number;
type World = { url: string; person: Person; mallory: Person; workspace: RecordObject };

/** Texts that are slow to read, or grow. */
const texts: ((size: number) => string)[] = [
  (n) => ':::a\n'.repeat(n / 5),
  (n) => `a${' '.repeat(n)}b\n`,
  (n) => '$$a\n'.repeat(n / 4),
  (n) => `|a|\n|-|\n${'|b|\n'.repeat(n / 4)}`,
  (n) => `|${'a|'.repeat(n / 32)}\n|${'-|'.repeat(n / 32)}\n${'|b\n'.repeat(n / 8)}`,
  (n) => `[a]: /${'x'.repeat(n / 2)}\n\n${'[a] '.repeat(n / 8)}\n`,
  (n) => '```js\nx\n```\n'.repeat(n / 12),
  (n) => '- '.repeat(n / 2),
  (n) => '*a **b '.repeat(n / 7),
  (n) => '[^a'.repeat(n / 3),
];

/**
 * Somebody of a team sends hostile frames and texts at random, while others of it type. The server must
 * go on, and every word that it acknowledged must be there, in the documents and in their files.
 * @throws AssertionError that says what was lost
 */
export async function documents(options: {
  seed: number;
  runs: number;
  say: (line: string) => void;
}): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-documents-'));
  const server = await Server.start(dataDir, await freePort());
  try {
    const person = await register(server.url, 'Ann');
    const workspace = await person.workspace('Soak');
    const mallory = await person.key('write');
    const world = { url: server.url, person, mallory, workspace };
    for (let run = 1; run <= options.runs; run++)
      options.say(await round(world, randomOf(options.seed * 1_000 + run), run));
  } catch (error) {
    throw new Error(`It failed. ${server.complaints}`, { cause: error });
  } finally {
    await server.stop();
    await removeData(dataDir);
  }
}

async function round(world: World, random: Random, run: number): Promise<string> {
  const { person, workspace, url } = world;
  const file = await person.file(workspace, `doc-${run}.md`, 'One two three.\n');
  const live = new LiveFile(file.id);
  const editors = [live.sit(url, person.token!), live.sit(url, person.token!)];
  let over = false;
  const typing = editors.map((editor) => live.typeUntil(editor, random, () => over));
  const health = watch(url, () => over);
  for (let attack = 0; attack < 12; attack++) {
    if (random() < 0.3) await write(world, random, `hostile-${run}-${attack}.md`);
    else await frames(world, random, file.id, editors[0]!.document);
    await pause(random() * 100);
  }
  over = true;
  await Promise.all(typing);
  await until(() => editors.every((editor) => editor.isSaved));
  const slowest = await health;
  const [text] = editors.map((editor) => editor.text);
  live.verify(text!, 'in the document');
  const made = await person.post(`/files/${file.id}/versions`, 'file-versions');
  assert.ok([200, 201].includes(made.status), `a version answers ${made.status}`);
  live.verify(await (await person.fetch(`/files/${file.id}/content`)).text(), 'in the file');
  for (const editor of editors) editor.leave();
  return `run ${run}: ${live.acknowledged} words are there; the slowest sign of life took ${slowest} ms`;
}

/** Asks whether the server lives until the end; the longest that an answer took, in milliseconds. */
async function watch(url: string, over: () => boolean): Promise<number> {
  let slowest = 0;
  while (!over()) {
    const start = performance.now();
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    slowest = Math.max(slowest, performance.now() - start);
    await pause(20);
  }
  return Math.round(slowest);
}

/** A hostile text is written, opened and left. */
async function write({ person, workspace, url }: World, random: Random, path: string) {
  const make = texts[Math.floor(random() * texts.length)]!;
  const text = make(2 ** (12 + Math.floor(random() * 6)));
  const file = await person.file(workspace, path, text);
  const editor = await open(url, person.token, file.id);
  assert.equal(editor.refused, undefined);
  editor.leave();
  assert.equal(await (await person.fetch(`/files/${file.id}/content`)).text(), text);
}

async function frames(world: World, random: Random, id: string, seen: Y.Doc): Promise<void> {
  const raw = await RawClient.open(world.url);
  raw.send(authFrame(id, (random() < 0.5 ? world.mallory : world.person).token!));
  await until(() => raw.received.some((name) => name.startsWith('auth')));
  const count = 1 + Math.floor(random() * 5);
  for (let at = 0; at < count; at++) for (const frame of hostile(random, id, seen)) raw.send(frame);
  await pause(random() * 200);
  raw.close();
}

function hostile(random: Random, id: string, seen: Y.Doc): Uint8Array[] {
  const number = (most: number) => Math.floor(random() * most);
  const kind = random() < 0.5 ? sync.update : sync.step2;
  const clients = [...seen.store.clients.keys()];
  const client = clients[number(clients.length)] ?? 1;
  const whole = Y.encodeStateAsUpdate(seen);
  switch (number(8)) {
    case 0:
      return [syncFrame(id, kind, fillingUpdate(client, Y.getState(seen.store, client), 5))];
    case 1: {
      // Bytes of a real update, some of them others.
      const bytes = Uint8Array.from(whole);
      for (let at = 0; at < 4; at++) bytes[number(bytes.length)] = number(256);
      return [syncFrame(id, kind, bytes)];
    }
    case 2:
      return [syncFrame(id, kind, whole.subarray(0, number(whole.length)))];
    case 3:
      return Array.from({ length: 300 }, () => syncFrame(id, sync.step1, Buffer.from([0])));
    case 4:
      return Array.from({ length: 50 }, (_, at) =>
        awarenessFrame(id, number(1e6), at, { cursor: { anchor: number(9), head: {} } }),
      );
    case 5: {
      const ranges = 1 + number(200_000);
      const bytes = new Uint8Array(20 + ranges * 2).fill(1);
      bytes.set([0, 1, 5, (ranges & 127) | 128, ((ranges >> 7) & 127) | 128, ranges >> 14]);
      return [syncFrame(id, kind, bytes)];
    }
    case 6:
      return [syncFrame(id, kind, poison(seen, number))];
    default:
      return [Uint8Array.from({ length: number(200) }, () => number(256))];
  }
}

/** An edit of what others see, of parts that no editor writes. */
function poison(seen: Y.Doc, number: (most: number) => number): Uint8Array {
  const document = new Y.Doc();
  Y.applyUpdate(document, Y.encodeStateAsUpdate(seen));
  const before = Y.encodeStateVector(document);
  const fragment = document.getXmlFragment('default');
  const names = ['script', 'tableCell', 'listItem', 'heading', 'image', 'rawBlock', 'blockquote'];
  let holder: Y.XmlFragment | Y.XmlElement = fragment;
  for (let depth = number(60); depth >= 0; depth--) {
    const element = new Y.XmlElement(names[number(names.length)]!);
    holder.insert(0, [element]);
    element.setAttribute('level', (10 ** number(12)) as never);
    if (number(2) === 0) element.insert(0, [new Y.XmlText('poison')]);
    holder = element;
  }
  return Y.encodeStateAsUpdate(document, before);
}
