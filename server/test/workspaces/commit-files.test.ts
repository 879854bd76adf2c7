import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressOf, must, temporary } from '../git/repository.ts';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let place: Awaited<ReturnType<typeof temporary>>;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  place = await temporary();
});
afterAll(async () => {
  await server.stop();
  await place.remove();
});

const files: Record<string, Buffer> = {
  'picture.png': Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ', 'base64'),
  'latin.txt': Buffer.from('gr\u00fc\u00dfe\n', 'latin1'),
  // git looks for a NUL in the first 8,000 bytes only.
  'late.bin': Buffer.concat([Buffer.alloc(9_000, 65), Buffer.from([0, 255])]),
  'large.txt': Buffer.from('line\n'.repeat(300_000)),
  'gone.md': Buffer.from('gone\n'),
};

test('13.B6 each file of a commit has its lines or the reason why not, added and deleted', async () => {
  const workspace = await ann.workspace();
  await ann.file(workspace, 'a.md', 'one\n');
  const clone = join(place.folder, 'clone');
  await must(place.folder, 'clone', '-q', await addressOf(ann, workspace), 'clone');
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(clone, path), bytes);
  await must(clone, 'add', '-A');
  await must(clone, 'commit', '-q', '-m', 'add');
  await must(clone, 'rm', '-q', ...Object.keys(files));
  await must(clone, 'commit', '-q', '-m', 'remove');
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  const list = await ann.get<{ id: string }[]>(`/workspaces/${workspace.id}/commits`);
  for (const [at, sign] of [
    [0, '-'],
    [1, '+'],
  ] as const) {
    const changes = `/workspaces/${workspace.id}/commits/${list.body.data[at]!.id}/changes`;
    const diff = async (path: string) => {
      const answer = await ann.fetch(`${changes}?filePath=${path}`);
      return [answer.status, await answer.text()] as const;
    };
    expect(await diff('gone.md')).toEqual([200, expect.stringContaining(`\n${sign}gone\n`)]);
    expect(await diff('latin.txt')).toEqual([
      200,
      expect.stringContaining(`\n${sign}gr\ufffd\ufffde\n`),
    ]);
    for (const [path, status] of [
      ['picture.png', 422],
      ['late.bin', 422],
      ['large.txt', 413],
    ] as const)
      expect(await diff(path), path).toEqual([status, expect.stringContaining('Only texts')]);
  }
});
