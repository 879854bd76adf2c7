import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import * as Y from 'yjs';
import { TextPool, TextTooCostly } from '../../src/collaboration/text-pool.ts';
import { open, texts, until } from './editor.ts';
import { useScene } from './scene.ts';

const scene = useScene();
const pools: TextPool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.stop();
});

function start(limits: { size: number; patience: number; rest?: number }): TextPool {
  const pool = new TextPool(limits);
  pools.push(pool);
  return pool;
}

const table = (rows: number) => `|a|\n|-|\n${'|b|\n'.repeat(rows)}`;

test('A4 work over its time ends with its worker, and the next has another', async () => {
  const pool = start({ size: 1, patience: 300 });
  const slow = pool.run('a', 'seed', 'a.md', table(500_000));
  await expect(slow).rejects.toThrow(TextTooCostly);
  const cells = await start({ size: 1, patience: 60_000 }).run(
    'a',
    'cells',
    `\`\`\`js\n${'x\n'.repeat(5_000)}\`\`\`\n`,
  );
  expect(cells).toHaveLength(1);
});

test('A4 teams take turns: one that asks for much does not keep another away', async () => {
  const pool = start({ size: 1, patience: 60_000 });
  const done: string[] = [];
  const ask = (team: string) =>
    pool.run(team, 'cells', 'x\n'.repeat(2_000)).then(() => done.push(team));
  await Promise.all([...'aaaaaaaa', 'b'].map(ask));
  expect(done.indexOf('b')).toBeLessThanOrEqual(2);
});

test('A4 no team has all of the workers, and its queue has an end', async () => {
  const pool = start({ size: 2, patience: 60_000 });
  const done: string[] = [];
  const ask = (team: string, rows: number) =>
    pool.run(team, 'cells', table(rows)).then(
      () => done.push(team),
      () => done.push('refused'),
    );
  const asked = Array.from({ length: 3 }, () => ask('a', 100_000));
  await ask('b', 2_000);
  expect(done).not.toContain('a');
  const many = Array.from({ length: 250 }, () => ask('c', 1_000));
  await Promise.all([...asked, ...many]);
  expect(done.filter((it) => it === 'refused').length).toBeGreaterThan(0);
  expect(done.filter((it) => it === 'c').length).toBeGreaterThanOrEqual(200);
});

test('A4 workers that have nothing to do end, and their memory with them; the next work has new ones', async () => {
  const threads = () => readdirSync('/proc/self/task').length;
  const before = threads();
  const pool = start({ size: 2, patience: 60_000, rest: 300 });
  const work = () => Promise.all(['a', 'b'].map((team) => pool.run(team, 'cells', table(2_000))));
  await work();
  expect(threads()).toBe(before + 2);
  await until(() => threads() === before);
  await expect(work()).resolves.toEqual([[], []]);
});

test('what cannot be done, and a pool that ends, are errors of their own', async () => {
  const pool = start({ size: 1, patience: 60_000 });
  const broken = pool.run('a', 'write', new Uint8Array(5_000).fill(255), 'a.md', '');
  await expect(broken).rejects.toThrow(TextTooCostly);
  const late = pool.run('a', 'seed', 'a.md', table(200_000));
  const ended = expect(late).rejects.toThrow('The server ends.');
  await pool.stop();
  await ended;
});

const hostile: [string, string][] = [
  ['directives that nothing closes', ':::a\n'.repeat(13_000)],
  ['spaces in one line', `a${' '.repeat(48 * 1024)}b\n`],
  ['mathematics that nothing closes', '$$a\n'.repeat(16_000)],
  ['rows of a table', table(16_000)],
  ['many definitions', Array.from({ length: 5_000 }, (_, at) => `[a${at}]: /x\n`).join('')],
  [
    'a definition that is used 8,192 times',
    `[a]: /${'x'.repeat(32_768)}\n\n${'[a] '.repeat(8_192)}\n`,
  ],
];

test.each(hostile)(
  'A4 %s: it is created, opened, edited and saved, and no other byte changes',
  async (name, text) => {
    const { ann, workspace, server } = scene;
    const file = await ann.file(workspace, `${name}.md`, text);
    const editor = await scene.edit(ann, file);
    const health = fetch(`${server.url}/health/live`);
    const paragraph = new Y.XmlElement('paragraph');
    paragraph.insert(0, [new Y.XmlText('typed')]);
    editor.fragment.insert(editor.fragment.length, [paragraph]);
    await until(() => editor.isSaved);
    expect((await health).status).toBe(200);
    const made = await ann.post(`/files/${file.id}/versions`, 'file-versions');
    expect(made.status).toBe(201);
    const content = await (await ann.fetch(`/files/${file.id}/content`)).text();
    expect(content.startsWith(text.trimEnd())).toBe(true);
    expect(content.slice(text.trimEnd().length).trim()).toBe('typed');
  },
  60_000,
);

test('A4 a text of too many parts opens as source, is edited and saved, and is Markdown when it is small again', async () => {
  const { ann, workspace, server } = scene;
  const text = table(60_000);
  const file = await ann.file(workspace, 'parts.md', text);
  const editor = await scene.edit(ann, file);
  expect(editor.fragment.toArray().map((node) => (node as Y.XmlElement).nodeName)).toEqual([
    'codeBlock',
  ]);
  texts(editor.fragment)[0]!.insert(0, 'typed\n\n');
  await until(() => editor.isSaved);
  expect((await ann.post(`/files/${file.id}/versions`, 'file-versions')).status).toBe(201);
  expect(await (await ann.fetch(`/files/${file.id}/content`)).text()).toBe(`typed\n\n${text}`);
  const headers = { 'content-type': 'text/markdown' };
  await ann.fetch(`/files/${file.id}/content`, {
    method: 'PUT',
    raw: Buffer.from('# Small\n'),
    headers,
  });
  await until(() => (editor.fragment.get(0) as Y.XmlElement).nodeName === 'heading');
  const fresh = await open(server.url, ann.token, file.id);
  expect(fresh.text).toBe('Small');
  fresh.leave();
}, 60_000);
