import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { RecordObject } from '../support/api.ts';
import { until } from './editor.ts';
import { invite, useScene } from './scene.ts';

const scene = useScene();

const markdown = `---\ntitle: "Café"\n---\nTitle\n=====\n\n* one\n+ two\n\nA  word\there,\nand *there* <b>raw</b>.\n\n~~~js {name=x}\n1+1\n~~~\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n`;
const large = Array.from(
  { length: 16_000 },
  (_, at) => `Line ${at} of a text that goes on and on, you see.\n${at % 5 === 4 ? '\n' : ''}`,
).join('');
const texts: [string, string][] = [
  ['notes.md', markdown],
  ['windows.md', markdown.replaceAll('\n', '\r\n')],
  ['empty.md', ''],
  ['no-newline.md', 'One'],
  ['code.ts', 'const a = 1;\r\nconst b = 2;\r\n'],
  ['mixed.py', 'a = 1\r\nb = 2\nc = 3\r\n\r\n'],
  ['large.md', large],
];

test.each(texts)('opening %s and leaving makes no version', async (path, text) => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, path, text);
  const editor = await edit(ann, file);
  editor.leave();
  await unloaded(file.id);
  expect(await versionsOf(file)).toHaveLength(1);
  expect(await content(file)).toBe(text);
});

test.each(texts.filter(([, text]) => text !== ''))(
  'a word in %s makes one version, one hunk and its typist the author',
  async (path, text) => {
    const { ann, workspace, edit } = scene;
    const file = await ann.file(workspace, `edited-${path}`, text);
    const editor = await edit(ann, file);
    editor.type('word');
    await until(() => editor.isSaved);
    editor.leave();
    await unloaded(file.id);
    const versions = await versionsOf(file);
    expect(versions.map((version) => version.attributes.version).sort()).toEqual([1, 2]);
    const newest = versions.find((version) => version.attributes.version === 2)!;
    expect(newest.attributes.authors).toEqual([{ name: 'Ann', email: ann.email }]);
    const after = await content(file);
    expect(hunks(text, after)).toEqual({ hunks: 1, removed: 1, added: 1 });
    expect(after.replace('word ', '')).toBe(text);
  },
);

test('two typists are both authors', async () => {
  const { ann, workspace, edit } = scene;
  const ben = await invite(scene, 'Ben');
  const file = await ann.file(workspace, 'both.md', 'One.\n');
  const [left, right] = [await edit(ann, file), await edit(ben, file)];
  left.type('ann');
  right.type('ben');
  await until(() => left.isSaved && right.isSaved);
  left.leave();
  right.leave();
  await until(async () => (await versionsOf(file)).length === 2);
  const [newest] = (await versionsOf(file)).filter(({ attributes }) => attributes.version === 2);
  const names = (newest!.attributes.authors as { name: string }[]).map(({ name }) => name);
  expect(names.sort()).toEqual(['Ann', 'Ben']);
});

test('a version on demand: 201 with what the document holds, then 200', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'demand.md', 'One.\n');
  const editor = await edit(ann, file);
  editor.type('now');
  await until(() => editor.isSaved);
  const made = await ann.post(`/files/${file.id}/versions`, 'file-versions', { message: 'Mine' });
  expect([made.status, made.body.data.attributes]).toMatchObject([
    201,
    { version: 2, message: 'Mine', authors: [{ name: 'Ann', email: ann.email }] },
  ]);
  expect(await content(file)).toBe('now One.\n');
  const same = await ann.post(`/files/${file.id}/versions`, 'file-versions');
  expect([same.status, same.body.data.id]).toEqual([200, made.body.data.id]);
  expect(await versionsOf(file)).toHaveLength(2);
});

test('what a killed server left over is published at the next visit, in the name of its typist', async () => {
  const { edit } = scene;
  const file = await leftOver('left-over.md');
  const visitor = await edit(await invite(scene, 'Cid'), file);
  expect(visitor.text).toBe('kept One.');
  visitor.leave();
  await until(async () => (await versionsOf(file)).length === 2);
  expect(await content(file)).toBe('kept One.\n');
  await byAnn(file);
});

test('what a killed server left over is in the next clone', async () => {
  const { server, ann, workspace } = scene;
  const file = await leftOver('left-over-too.md');
  const { body } = await ann.get<RecordObject[]>('/teams');
  const slugs = [body.data[0]!, workspace].map(({ attributes }) => attributes.slug as string);
  const address = `${server.url.replace('//', `//x:${ann.token}@`)}/git/${slugs.join('/')}.git`;
  const folder = mkdtempSync(join(tmpdir(), 'kyozo-clone-'));
  await promisify(execFile)('git', ['clone', '-q', address, folder]);
  expect(readFileSync(join(folder, 'left-over-too.md'), 'utf8')).toBe('kept One.\n');
  rmSync(folder, { recursive: true });
  await byAnn(file);
});

/** A file whose log holds what Ann typed and no version does, as a killed server leaves it. */
async function leftOver(path: string): Promise<RecordObject> {
  const { server, ann, workspace, edit } = scene;
  const [typed, file] = [
    await ann.file(workspace, `typed-${path}`, 'One.\n'),
    await ann.file(workspace, path, 'One.\n'),
  ];
  const typist = await edit(ann, typed);
  typist.type('kept');
  await until(() => typist.isSaved);
  for (const copy of [
    `insert into document_states (file_id, team_id, snapshot, base_version)
      select $1, team_id, snapshot, base_version from document_states where file_id = $2`,
    `insert into document_updates (file_id, team_id, seq, update, user_id)
      select $1, team_id, seq, update, user_id from document_updates where file_id = $2`,
  ])
    await server.query(copy, [file.id, typed.id]);
  return file;
}

async function byAnn(file: { id: string }): Promise<void> {
  const [newest] = (await versionsOf(file)).filter(({ attributes }) => attributes.version === 2);
  expect(newest!.attributes.authors).toEqual([{ name: 'Ann', email: scene.ann.email }]);
}

const versionsOf = async (file: { id: string }) =>
  (await scene.ann.get<RecordObject[]>(`/files/${file.id}/versions`)).body.data;
const content = async (file: { id: string }) =>
  (await scene.ann.fetch(`/files/${file.id}/content`)).text();

/** Waits until a document that everybody has left has been folded into its file. */
async function unloaded(fileId: string): Promise<void> {
  await until(async () => {
    const [row] = await scene.server.query<{ open: boolean }>(
      'select exists (select from document_updates where file_id = $1) as open',
      [fileId],
    );
    return !row!.open;
  });
}

function hunks(before: string, after: string) {
  const folder = mkdtempSync(join(tmpdir(), 'kyozo-diff-'));
  try {
    writeFileSync(join(folder, 'a'), before);
    writeFileSync(join(folder, 'b'), after);
    const run = () =>
      execFileSync('git', ['diff', '--no-index', '-U0', 'a', 'b'], { cwd: folder, stdio: 'pipe' });
    let diff = '';
    try {
      run();
    } catch (error) {
      diff = (error as { stdout: Buffer }).stdout.toString();
    }
    const lines = diff.split('\n').slice(4);
    const starting = (mark: string) => lines.filter((line) => line.startsWith(mark)).length;
    return { hunks: starting('@@'), removed: starting('-'), added: starting('+') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
