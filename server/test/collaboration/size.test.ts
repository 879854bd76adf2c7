import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import * as Y from 'yjs';
import { ClientIds, mostIds } from '../../src/collaboration/client-ids.ts';
import { DocumentSize, mostHeld } from '../../src/collaboration/document-size.ts';
import type { Person, RecordObject } from '../support/api.ts';
import { type Editor, texts, until } from './editor.ts';
import { authFrame, RawClient, sync, syncFrame } from './frames.ts';
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
  file = await scene.ann.file(scene.workspace, `size-${++count}.md`, 'One.\n');
  ann = await scene.edit(scene.ann, file);
});

test('C2 a live document takes in no more bytes than its limit, and says so to who sent more', async () => {
  const raw = await intruder(await invite(scene, 'Eve'));
  raw.send(syncFrame(file.id, sync.update, longText(ann.document, 12 * 2 ** 20)));
  await until(() => raw.received.includes('status:1'));
  raw.send(syncFrame(file.id, sync.update, longText(ann.document, 12 * 2 ** 20)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4429);
  expect(raw.received).toContain('stateless');
  const [{ bytes }] = (await scene.server.query<{ bytes: number }>(
    `select (octet_length(snapshot) + coalesce((select sum(octet_length(update))
      from document_updates u where u.file_id = s.file_id and seq > snapshot_seq), 0))::int as bytes
      from document_states s where file_id = $1`,
    [file.id],
  )) as [{ bytes: number }];
  expect(bytes).toBeLessThan(mostHeld.bytes);
});

test('C2 what counted as it came counts as what is left of it once it is a version', async () => {
  // Whatever refers to what is gone goes, too, and lies together as one.
  const raw = await intruder(await invite(scene, 'Eve'));
  for (let at = 0; at < 3; at++) {
    raw.send(syncFrame(file.id, sync.update, gone(1_000 + at, 100_000)));
    await until(() => raw.received.filter((name) => name === 'status:1').length > at);
  }
  expect(raw.closeCode).toBeUndefined();
  ann.type('still');
  await until(() => ann.isSaved);
  raw.close();
});

test.each([
  ['bytes', () => [Buffer.alloc(20 * 2 ** 20, 1), Buffer.alloc(20 * 2 ** 20, 1)]],
  ['structs', () => [gone(77, 200_000), gone(78, 100_000)]],
])(
  'C2 a document of too many %s in store opens for nobody, says why, and keeps its log',
  async (what, log) => {
    const large = await scene.ann.file(scene.workspace, `${what}.md`, 'Two.\n');
    await scene.server.query(
      `insert into document_states (file_id, team_id, snapshot, base_version)
      select id, team_id, $2, 1 from files where id = $1`,
      [large.id, Buffer.from(Y.encodeStateAsUpdate(new Y.Doc()))],
    );
    const updates = log();
    for (const [at, update] of updates.entries())
      await scene.server.query(
        `insert into document_updates (file_id, team_id, seq, update)
        select id, team_id, $2, $3 from files where id = $1`,
        [large.id, at + 1, Buffer.from(update)],
      );
    for (const person of [scene.ann, mallory]) {
      const editor = await scene.edit(person, large);
      expect(editor.refused).toContain('too large to be edited live');
    }
    const content = await scene.ann.fetch(`/files/${large.id}/content`);
    expect(await content.text()).toBe('Two.\n');
    const rows = await scene.server.query('select seq from document_updates where file_id = $1', [
      large.id,
    ]);
    expect(rows).toHaveLength(updates.length);
  },
);

test('S3 a paste of 12,000 short paragraphs gets in, and so does what is typed after it', async () => {
  ann.document.transact(() => {
    const blocks = Array.from({ length: 12_000 }, () => {
      const block = new Y.XmlElement('paragraph');
      block.insert(0, [new Y.XmlText('x')]);
      return block;
    });
    ann.fragment.insert(1, blocks);
  });
  await until(() => ann.isSaved || ann.closed);
  expect(ann.closed).toBe(false);
  ann.type('after');
  await until(() => ann.isSaved);
  const fresh = await scene.edit(scene.ann, file);
  expect(fresh.fragment.length).toBe(12_001);
  expect(texts(fresh.fragment)[0]!.toString()).toBe('after One.');
});

test('C2 items that all stand in one place are refused when placing them takes too long', async () => {
  const raw = await intruder(await invite(scene, 'Eve'));
  raw.send(syncFrame(file.id, sync.update, ties(5, 12_000)));
  await until(() => raw.received.includes('status:1'));
  raw.send(syncFrame(file.id, sync.update, ties(9, 12_000)));
  await until(() => raw.closeCode !== undefined);
  expect(raw.closeCode).toBe(4429);
  ann.type('still');
  await until(() => ann.isSaved);
});

test('C3 opening is paid for: a person who opens large documents again and again waits, others do not', async () => {
  const { Budget } = await import('../../src/collaboration/budget.ts');
  const budget = new Budget();
  await budget.owe('eve', 500_000);
  let isOpen = false;
  const late = budget.owe('eve', 20_000).then(() => {
    isOpen = true;
  });
  await budget.owe('ann', 20_000);
  expect(isOpen).toBe(false);
  await late;
});

test('M7 of the ids of one person the oldest that nothing stands under are forgotten', () => {
  const kept: number[] = [];
  const forgotten: number[] = [];
  const ids = new ClientIds([[1, 'ann']], {
    keep: (client) => kept.push(client),
    forget: (clients) => forgotten.push(...clients),
    isUsed: (client) => client === 3,
  });
  for (let client = 2; client < 3 * mostIds; client++) ids.claim(client, 'eve');
  expect(kept.length - forgotten.length).toBeLessThanOrEqual(mostIds + 1_000);
  expect(forgotten.slice(0, 2)).toEqual([2, 4]);
  expect(ids.isAnothers(3, 'ann')).toBe(true);
  expect(ids.isAnothers(1, 'eve')).toBe(true);
  expect(ids.isAnothers(4, 'ann')).toBe(false);
});

test('C2 what comes while a version is made stays counted', () => {
  const size = new DocumentSize({ bytes: 10, structs: 10 });
  const then = size.now;
  size.add({ bytes: 5, structs: 5 });
  size.fold(then, { bytes: 4, structs: 2 });
  expect(size.now).toEqual({ bytes: 9, structs: 7 });
});

async function intruder(person: Person): Promise<RawClient> {
  const raw = await RawClient.open(scene.server.url);
  raw.send(authFrame(file.id, person.token!));
  await until(() => raw.received.includes('auth:2'));
  return raw;
}

/** An update that puts so many letters into the first text. */
function longText(known: Y.Doc, length: number): Uint8Array {
  const document = new Y.Doc();
  Y.applyUpdate(document, Y.encodeStateAsUpdate(known));
  const before = Y.encodeStateVector(document);
  texts(document.getXmlFragment('default'))[0]!.insert(0, 'x'.repeat(length));
  return Y.encodeStateAsUpdate(document, before);
}

/** An update of one client that only says so many times: a letter was here. */
function gone(client: number, structs: number): Uint8Array {
  const head = Buffer.concat([...[1, structs, client, 0].map(number)]);
  return Buffer.concat([head, Buffer.alloc(2 * structs, Uint8Array.of(0, 1)), number(0)]);
}

/** An update of so many paragraphs, each of them put into the empty document as if it were alone. */
function ties(client: number, count: number): Uint8Array {
  const block = Buffer.from('\x07\x01\x07default\x03\x09paragraph');
  const head = Buffer.concat([...[1, count, client, 0].map(number)]);
  return Buffer.concat([head, Buffer.alloc(count * block.length, block), number(0)]);
}

function number(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
}
