import { expect, test } from 'vitest';
import type { RecordObject } from '../support/api.ts';
import { type Editor, pause, until } from './editor.ts';
import { randomOf } from './random.ts';
import { useScene } from './scene.ts';

const scene = useScene();
type File = { id: string };

test('content that is written past an open document appears in it, beside what was typed', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'past.md', 'One.\n\nTwo.\n');
  const editor = await edit(ann, file);
  await put(file, 'One.\n\nTwo!\n');
  editor.type('typed');
  await until(() => editor.isSaved && editor.text === 'typed One.\nTwo!');
  editor.leave();
  await until(async () => (await content(file)) === 'typed One.\n\nTwo!\n');
});

test('a restored version arrives in open editors as an edit', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'restored.md', 'First.\n');
  const [left, right] = [await edit(ann, file), await edit(ann, file)];
  left.type('typed');
  await until(() => left.isSaved && right.text === 'typed First.');
  const restored = await ann.post(`/files/${file.id}/restore`, 'files', { version: 1 });
  expect([restored.status, restored.body.data.attributes.version]).toEqual([200, 3]);
  await until(() => left.text === 'First.' && right.text === 'First.');
  expect(await content(file)).toBe('First.\n');
  const { body } = await ann.get<RecordObject[]>(`/files/${file.id}/versions`);
  expect(body.data).toHaveLength(3);
});

test('a binary that is written past an open document ends it', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'now-binary', 'First.\n');
  const editor = await edit(ann, file);
  await put(file, new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 255, 254, 0]));
  await until(() => editor.closed);
  expect((await edit(ann, file)).refused).toBe('permission-denied');
});

test('deleting a file closes its document, and what was typed is in the trash with it', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'deleted.md', 'First.\n');
  const editor = await edit(ann, file);
  editor.type('last');
  await until(() => editor.isSaved);
  expect((await ann.delete(`/files/${file.id}`)).status).toBe(204);
  await until(() => editor.closed);
  expect((await edit(ann, file)).refused).toBe('permission-denied');
  expect((await ann.post(`/files/${file.id}/restore`, 'files')).status).toBe(200);
  expect(await content(file)).toBe('last First.\n');
  expect((await edit(ann, file)).text).toBe('last First.');
});

test.each([1, 2, 3, 4])(
  'typing and writing past the document at the same time lose nothing (seed %i)',
  async (seed) => {
    const { ann, workspace, edit } = scene;
    const random = randomOf(seed);
    const path = seed % 2 === 0 ? `loop-${seed}.md` : `loop-${seed}.txt`;
    const file = await ann.file(workspace, path, 'Start.\n\nMiddle.\n\nEnd.\n');
    const editors = [await edit(ann, file), await edit(ann, file)];
    const [typed, written] = await Promise.all([
      Promise.all(editors.map((editor, at) => type(editor, `t${at}x`, random))),
      Promise.all(['p0x', 'p1x'].map((prefix) => write(file, prefix, random))),
    ]);
    await until(() => editors.every((editor) => editor.isSaved));
    await until(() => editors[0]!.text === editors[1]!.text);
    const expected = [...typed.flat(), ...written.flat()].sort();
    expect(tokensOf(editors[0]!.text)).toEqual(expected);
    await ann.post(`/files/${file.id}/versions`, 'file-versions');
    expect(tokensOf(await content(file))).toEqual(expected);
  },
);

const tokensOf = (text: string) => [...text.matchAll(/\b[tp]\dx\d+\b/g)].map(([it]) => it).sort();

async function type(editor: Editor, prefix: string, random: () => number): Promise<string[]> {
  const tokens = Array.from({ length: 40 }, (_, at) => `${prefix}${at}`);
  for (const token of tokens) {
    editor.type(token, random());
    await pause(random() * 40);
  }
  return tokens;
}

/** Appends lines as a program does that reads, changes and writes only what it has read. */
async function write(file: File, prefix: string, random: () => number): Promise<string[]> {
  const tokens = Array.from({ length: 8 }, (_, at) => `${prefix}${at}`);
  for (const token of tokens) {
    for (let done = false; !done; ) {
      const response = await scene.ann.fetch(`/files/${file.id}/content`);
      const text = await response.text();
      done = await put(file, `${text}\n${token}\n`, response.headers.get('etag')!);
    }
    await pause(random() * 60);
  }
  return tokens;
}

/** Whether it was written; false when somebody else was quicker. */
async function put(file: File, body: string | Uint8Array, etag?: string): Promise<boolean> {
  const headers = {
    'content-type': 'application/octet-stream',
    ...(etag ? { 'if-match': etag } : {}),
  };
  const path = `/files/${file.id}/content`;
  const { status } = await scene.ann.fetch(path, { method: 'PUT', raw: body, headers });
  expect(etag ? [200, 412] : [200]).toContain(status);
  return status === 200;
}

const content = async (file: File) => (await scene.ann.fetch(`/files/${file.id}/content`)).text();

test.each([
  ['first.md', 'first.txt'],
  ['second.txt', 'second.md'],
])(
  'a document that is renamed from %s to %s keeps its text, what is typed and its versions',
  async (from, to) => {
    const { ann, workspace, edit } = scene;
    const text = '# Title\n\n- one\n- two\n\n```js\n1\n```\n';
    const file = await ann.file(workspace, from, text);
    const editor = await edit(ann, file);
    editor.type('before');
    await until(() => editor.isSaved);
    expect((await ann.patch(`/files/${file.id}`, file, { path: to })).status).toBe(200);
    const again = editor.closed ? await edit(ann, file) : editor;
    again.type('after');
    await until(() => again.isSaved);
    await ann.post(`/files/${file.id}/versions`, 'file-versions');
    const kept = await content(file);
    expect(kept.replace('before ', '').replace('after ', '')).toBe(text);
    expect(kept).toContain('before');
    expect(kept).toContain('after');
  },
);
