import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../start/process.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Run = { from: number; count: number; text: string; version: number };

let server: TestServer;
let ann: Person;
let file: RecordObject;

const texts = [
  'one\ntwo\nthree\n',
  'one\n2\nthree\nfour\n',
  'zero\none\n2\nthree\nfour',
  'zero\none\n2\nthree\nfive\nfour\n',
];

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());
beforeEach(async () => {
  file = await ann.file(await ann.workspace(), 'notes/a b.md', texts[0]!);
  for (const text of texts.slice(1)) await put(text);
});

const put = (raw: string | Buffer) =>
  ann.request(`/files/${file.id}/content`, { method: 'PUT', raw });
const diff = (query = '') => ann.fetch(`/files/${file.id}/diff${query}`);
const blame = async (query = '') => {
  const { body } = await ann.request(`/files/${file.id}/blame${query}`);
  const lines = body.meta.lines as Run[];
  const version = body.meta.version as number;
  if (version <= texts.length && version > 0)
    expect(lines.map(({ text }) => text).join('')).toBe(texts[version - 1]);
  return lines.map(({ from, count, version }) => [from, count, version]);
};

describe('a diff of two versions', () => {
  test('is what git apply needs to make the one of the other, for every two', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kyozo-diff-'));
    const path = join(folder, 'notes/a b.md');
    await mkdir(join(folder, 'notes'));
    try {
      for (const [from, before] of ['', ...texts].entries()) {
        for (const [to, after] of ['', ...texts].entries()) {
          const answer = await diff(`?fromVersion=${from}&toVersion=${to}`);
          expect(answer.status).toBe(200);
          expect(answer.headers.get('content-type')).toBe('text/x-diff; charset=utf-8');
          const text = await answer.text();
          expect(text === '').toBe(before === after);
          if (text === '') continue;
          await (from === 0 ? rm(path, { force: true }) : writeFile(path, before));
          await writeFile(join(folder, 'patch'), text);
          expect((await run('git', ['apply', 'patch'], folder)).stderr).toBe('');
          expect(await readFile(path, 'utf8')).toBe(after);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('is that of the newest with the one before, when none is named', async () => {
    expect(await (await diff()).text()).toBe(
      await (await diff('?fromVersion=3&toVersion=4')).text(),
    );
    expect(await (await diff('?toVersion=2')).text()).toContain('-two\n+2\n');
  });

  test('refuses what is no version, no text, or too much of it', async () => {
    expect((await diff('?fromVersion=9')).status).toBe(404);
    expect((await diff('?fromVersion=-1')).status).toBe(400);
    expect((await diff('?fromVersion=1&fromVersion=2')).status).toBe(400);
    await put(Buffer.from([0, 1, 2, 255]));
    expect((await diff()).status).toBe(422);
    await put('x\n'.repeat(600_000));
    expect((await diff('?fromVersion=1')).status).toBe(413);
  });

  test('is nobody else’s to see', async () => {
    const other = await register(server.url);
    for (const what of ['diff', 'blame']) {
      expect((await other.fetch(`/files/${file.id}/${what}`)).status).toBe(404);
      expect((await fetch(`${server.url}/api/v1/files/${file.id}/${what}`)).status).toBe(401);
    }
  });
});

describe('blame', () => {
  test('names the version that each line came with', async () => {
    expect(await blame()).toEqual([
      [1, 1, 3],
      [2, 1, 1],
      [3, 1, 2],
      [4, 1, 1],
      [5, 2, 4],
    ]);
    expect(await blame('?atVersion=2')).toEqual([
      [1, 1, 1],
      [2, 1, 2],
      [3, 1, 1],
      [4, 1, 2],
    ]);
    expect(await blame('?atVersion=1')).toEqual([[1, 3, 1]]);
  });

  test('starts anew where the file was no text', async () => {
    await put(Buffer.from([0, 1, 2, 255]));
    await put('one\n');
    expect(await blame()).toEqual([[1, 1, 6]]);
  });

  test('of an empty file has no lines', async () => {
    file = await ann.file(await ann.workspace(), 'empty.md');
    expect(await blame()).toEqual([]);
  });
});
