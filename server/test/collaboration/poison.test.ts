import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import * as Y from 'yjs';
import { jsonOf } from '../../src/collaboration/document-json.ts';
import { textOf } from '../../src/collaboration/document-text.ts';
import { checkUpdate } from '../../src/collaboration/update-check.ts';
import { readUpdate } from '../../src/collaboration/update-reader.ts';
import type { Person, RecordObject } from '../support/api.ts';
import { type Editor, texts, until } from './editor.ts';
import { authFrame, RawClient, sync, syncFrame } from './frames.ts';
import { randomOf } from './random.ts';
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
  file = await scene.ann.file(scene.workspace, `poison-${++count}.md`, 'One.\n');
  ann = await scene.edit(scene.ann, file);
});

type Poison = (fragment: Y.XmlFragment) => void;

/** What no file can hold and no editor writes. */
const poisons: [string, Poison][] = [
  ['an XmlHook', (fragment) => fragment.insert(0, [new Y.XmlHook('a') as never])],
  ['an unknown element', (fragment) => fragment.insert(0, [new Y.XmlElement('script')])],
  ['a map in the text', (fragment) => fragment.insert(0, [new Y.Map() as never])],
  ['3,000 quotes in each other', (fragment) => nest(fragment, 3_000)],
  ['an unknown mark', (fragment) => words(fragment).format(0, 2, { script: { a: 1 } })],
  ['a mark that is a number', (fragment) => words(fragment).format(0, 2, { link: 7 })],
  ['an object in a text', (fragment) => words(fragment).insertEmbed(0, { a: 1 })],
  [
    'an attribute that is bytes',
    (fragment) =>
      (fragment.get(0) as Y.XmlElement).setAttribute('level', new Uint8Array([1]) as never),
  ],
  ['an element in a text', (fragment) => words(fragment).insertEmbed(0, new Y.XmlElement('image'))],
];

test.each(poisons)('A8 %s is refused, and people go on', async (_, poison) => {
  const raw = await intruder();
  raw.send(syncFrame(file.id, sync.update, edited(ann.document, poison)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4400);
  ann.type('kept');
  await until(() => ann.isSaved);
  expect(ann.text).toBe('kept One.');
  const again = await RawClient.open(scene.server.url);
  again.send(authFrame(file.id, mallory.token!));
  await until(() => again.received.includes('auth:1'));
  again.close();
});

test('A8 25,000 elements whose parents come after them are refused', async () => {
  const raw = await intruder();
  raw.send(syncFrame(file.id, sync.update, backwards(25_000)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4400);
  ann.type('kept');
  await until(() => ann.isSaved && ann.text === 'kept One.');
});

test('A8 a heading of level 1e9 is a heading of a file, and does not block its workspace', async () => {
  const raw = await intruder();
  const heading = (fragment: Y.XmlFragment) => {
    const element = new Y.XmlElement('heading');
    element.setAttribute('level', 1e9 as never);
    element.insert(0, [new Y.XmlText('Title')]);
    fragment.insert(0, [element]);
  };
  raw.send(syncFrame(file.id, sync.update, edited(ann.document, heading)));
  await until(() => raw.received.includes('status:1'));
  const made = await scene.ann.post(`/files/${file.id}/versions`, 'file-versions');
  expect(made.status).toBe(201);
  const content = await (await scene.ann.fetch(`/files/${file.id}/content`)).text();
  expect(content).toBe('###### Title\n\nOne.\n');
  raw.close();
});

test('A8 whatever a document holds becomes a text, with all the words in it', () => {
  const random = randomOf(12);
  const names = ['paragraph', 'blockquote', 'listItem', 'tableRow', 'codeBlock', 'image', 'script'];
  const parts = ['bulletList', 'taskList', 'table', 'tableCell', 'heading', 'rawBlock', ...names];
  for (let run = 0; run < 200; run++) {
    const document = new Y.Doc();
    const fragment = document.getXmlFragment('default');
    const said: string[] = [];
    const holders: (Y.XmlFragment | Y.XmlElement)[] = [fragment];
    for (let at = 0; at < 30; at++) {
      const holder = holders[Math.floor(random() * holders.length)]!;
      if (random() < 0.4) {
        said.push(`w${at}x`);
        holder.insert(holder.length, [new Y.XmlText(`w${at}x`)]);
      } else {
        const element = new Y.XmlElement(parts[Math.floor(random() * parts.length)]!);
        holder.insert(holder.length, [element]);
        holders.push(element);
      }
    }
    const text = textOf(document, 'a.md', '');
    expect(said.filter((word) => !text.includes(word))).toEqual([]);
  }
});

test('A8 3,000 quotes in each other that a document already holds become a text', () => {
  const document = new Y.Doc();
  nest(document.getXmlFragment('default'), 3_000);
  expect(JSON.stringify(jsonOf(document.getXmlFragment('default')))).toContain('deep');
  expect(textOf(document, 'a.md', '')).toContain('deep');
});

test('A8 a document that cannot be published is in a clone as it was, and the others are in it', async () => {
  const { ann: person, workspace, server } = scene;
  const bad = await person.file(workspace, 'bad.md', 'Last good.\n');
  const raw = await scene.edit(person, bad);
  raw.leave();
  await server.query(
    `insert into document_updates (file_id, team_id, seq, update)
      select file_id, team_id, 1000, '\\x0102030405' from document_states where file_id = $1`,
    [bad.id],
  );
  ann.type('kept');
  await until(() => ann.isSaved);
  const { body } = await person.get<RecordObject[]>('/teams');
  const slugs = [body.data[0]!, workspace].map(({ attributes }) => attributes.slug as string);
  const address = `${server.url.replace('//', `//x:${person.token}@`)}/git/${slugs.join('/')}.git`;
  const folder = mkdtempSync(join(tmpdir(), 'kyozo-clone-'));
  await promisify(execFile)('git', ['clone', '-q', address, folder]);
  expect(readFileSync(join(folder, 'bad.md'), 'utf8')).toBe('Last good.\n');
  expect(readFileSync(join(folder, `poison-${count}.md`), 'utf8')).toBe('kept One.\n');
  rmSync(folder, { recursive: true });
  const [left] = await server.query<{ count: number }>(
    'select count(*)::int as count from document_updates where file_id = $1 and seq = 1000',
    [bad.id],
  );
  expect(left!.count).toBe(1);
});

test('what editors write is read as Yjs reads it, and none of it is refused', async () => {
  const random = randomOf(5);
  const documents = [1, 2, 3].map(() => {
    const document = new Y.Doc();
    Y.applyUpdate(document, Y.encodeStateAsUpdate(ann.document));
    return document;
  });
  const merged = new Y.Doc();
  Y.applyUpdate(merged, Y.encodeStateAsUpdate(ann.document));
  for (let run = 0; run < 300; run++) {
    const document = documents[Math.floor(random() * 3)]!;
    const before = Y.encodeStateVector(document);
    write(document.getXmlFragment('default'), random);
    for (const update of [
      Y.encodeStateAsUpdate(document, before),
      Y.encodeStateAsUpdate(document, Y.encodeStateVector(merged)),
    ]) {
      const read = readUpdate(update, { structs: 1e5, removals: 1e5, clients: 100 });
      expect(new Map(read.ends)).toEqual(Y.parseUpdateMeta(update).to);
      checkUpdate(merged, read);
    }
    Y.applyUpdate(merged, Y.encodeStateAsUpdate(document));
    if (random() < 0.2) Y.applyUpdate(document, Y.encodeStateAsUpdate(merged));
  }
});

/** One change of the kinds that an editor makes. */
function write(fragment: Y.XmlFragment, random: () => number): void {
  const found = texts(fragment);
  const text = found[Math.floor(random() * found.length)];
  const kind = Math.floor(random() * 6);
  if (kind === 0 || !text) {
    const quote = new Y.XmlElement('blockquote');
    const inner = new Y.XmlElement('heading');
    inner.setAttribute('level', 2 as never);
    inner.insert(0, [new Y.XmlText('some words')]);
    quote.insert(0, [inner]);
    fragment.insert(Math.floor(random() * (fragment.length + 1)), [quote]);
  } else if (kind === 1) text.insert(Math.floor(random() * (text.length + 1)), 'ab😀');
  else if (kind === 2 && text.length > 2) text.delete(0, 2);
  else if (kind === 3 && text.length > 2)
    text.format(0, 2, { link: { href: 'https://a.b', title: null }, 'bold--abc': {} });
  else if (kind === 4) (text.parent as Y.XmlElement).setAttribute('level', 3 as never);
  else if (fragment.length > 3) fragment.delete(1, 1);
}

async function intruder(): Promise<RawClient> {
  const raw = await RawClient.open(scene.server.url);
  raw.send(authFrame(file.id, mallory.token!));
  await until(() => raw.received.includes('auth:2'));
  return raw;
}

function edited(seen: Y.Doc, change: Poison): Uint8Array {
  const document = new Y.Doc();
  Y.applyUpdate(document, Y.encodeStateAsUpdate(seen));
  const before = Y.encodeStateVector(document);
  change(document.getXmlFragment('default'));
  return Y.encodeStateAsUpdate(document, before);
}

function nest(fragment: Y.XmlFragment, depth: number): void {
  let inner = fragment;
  for (let at = 0; at < depth; at++) {
    const next = new Y.XmlElement('blockquote');
    inner.insert(0, [next]);
    inner = next;
  }
  inner.insert(0, [new Y.XmlText('deep')]);
}

/** Quotes of one client, each in the next one, as bytes: Yjs itself writes parents first. */
function backwards(count: number): Uint8Array {
  const number = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))];
  const name = [...Buffer.from('blockquote')];
  const quote = [7, 0, 77];
  const bytes = [1, ...number(count), 77, 0];
  for (let at = 1; at < count; at++) bytes.push(...quote, ...number(at), 3, name.length, ...name);
  bytes.push(7, 1, 7, ...Buffer.from('default'), 3, name.length, ...name, 0);
  return Uint8Array.from(bytes);
}

const words = (fragment: Y.XmlFragment) => texts(fragment)[0]!;
