import fs from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { add, clone, commit, fetch, push, resolveRef } from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, must, temporary } from './repository.ts';

let server: TestServer;
let place: Awaited<ReturnType<typeof temporary>>;
beforeAll(async () => {
  [server, place] = await Promise.all([startServer(), temporary()]);
});
afterAll(async () => {
  await server.stop();
  await place.remove();
});

test('a git that shares no code with git clones, pushes and fetches', async () => {
  const ann = await register(server.url);
  const workspace = await ann.workspace();
  await ann.file(workspace, 'a.md', 'from the API\n');
  const { origin, pathname } = new URL(await addressOf(ann, workspace));
  const dir = join(place.folder, 'isomorphic');
  const onAuth = () => ({ username: 'x', password: ann.token });
  const about = { fs, http, dir, onAuth };
  await clone({ ...about, url: `${origin}${pathname}`, singleBranch: true });
  expect(await readFile(join(dir, 'a.md'), 'utf8')).toBe('from the API\n');

  await writeFile(join(dir, 'b.md'), 'from JavaScript\n');
  await add({ fs, dir, filepath: 'b.md' });
  const author = { name: 'Iso', email: 'iso@example.com' };
  const oid = await commit({ fs, dir, message: 'By JavaScript', author });
  const pushed = await push({ ...about, remote: 'origin', ref: 'main' });
  expect(pushed.ok).toBe(true);
  const { body } = await ann.get<{ attributes: object }[]>(`/workspaces/${workspace.id}/files`);
  expect(body.data.map(({ attributes }) => attributes)).toContainEqual(
    expect.objectContaining({ path: 'b.md', version: 1 }),
  );

  const other = await addressOf(ann, workspace);
  await must(place.folder, 'clone', '-q', other, 'git');
  const git = join(place.folder, 'git');
  expect(await must(git, 'rev-parse', 'HEAD')).toBe(oid);
  await must(git, 'commit', '-q', '--allow-empty', '-m', 'By git');
  await must(git, 'push', '-q', 'origin', 'HEAD:main');
  await fetch({ ...about, remote: 'origin' });
  expect(await resolveRef({ fs, dir, ref: 'refs/remotes/origin/main' })).toBe(
    await must(git, 'rev-parse', 'HEAD'),
  );
  const refused = push({ ...about, remote: 'origin', ref: 'main', delete: true });
  await expect(refused).rejects.toThrow(/main cannot be deleted/);
});
