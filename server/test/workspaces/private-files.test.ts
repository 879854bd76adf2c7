import { execFileSync } from 'node:child_process';
import { chmod, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shutDataDir } from '../../src/file-modes.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { openToOthers } from '../support/modes.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());

let count = 0;
/** Runs a bash cell to its end. */
async function run(source: string): Promise<Record<string, unknown>> {
  const file = await ann.file(workspace, `cell${++count}.md`, `\`\`\`bash\n${source}\n\`\`\`\n`);
  const { id } = (await ann.get(`/files/${file.id}/notebook`)).body.data;
  const asked = (await ann.post(`/notebooks/${id}/runs`, 'task-runs')).body.data;
  await (await ann.fetch(`/task-runs/${asked.id}/outputs/stream`)).text();
  return (await ann.get(`/task-runs/${asked.id}`)).body.data.attributes;
}

test('B5 nothing in the data folder of a used server is open to group or others', async () => {
  const file = await ann.file(workspace, 'note.md', '# Note\n');
  await ann.fetch(`/files/${file.id}/content`, { method: 'PUT', raw: '# Other\n' });
  const large = await ann.file(workspace, 'large.bin', '');
  const bytes = new Uint8Array(6 * 2 ** 20).fill(7);
  const put = await ann.fetch(`/files/${large.id}/content`, {
    ...{ method: 'PUT', raw: bytes },
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(put.status).toBe(200);
  const mail = { email: 'b@example.com', role: 'member' };
  const team = (await ann.post('/teams', 'teams', { name: 'Team' })).body.data;
  const invited = await ann.request('/invitations', {
    ...{ method: 'POST', headers: { 'kyozo-team': team.id } },
    body: { data: { type: 'invitations', attributes: mail } },
  });
  expect(invited.status).toBe(201);
  expect(await run('mkdir made; echo x > made/y; true')).toMatchObject({ status: 'succeeded' });
  await expect.poll(() => readdir(join(server.dataDir, 'mail')).catch(() => [])).not.toEqual([]);
  expect(await openToOthers(server.dataDir)).toEqual([]);
  expect((await readdir(server.dataDir)).length).toBeGreaterThan(4);
});

test('B5 a set-user-id program that a cell leaves is out of reach for other local users', async () => {
  const source = 'chmod 777 .; cp /bin/true left; chmod 4777 left; stat -c %a left';
  expect(await run(source)).toMatchObject({ status: 'succeeded' });
  const scratch = await readlink(join(server.dataDir, 'runs'));
  const copies = (await readdir(scratch)).map((name) => join(scratch, name, 'work/left'));
  const left = (await Promise.all(copies.map((path) => stat(path).catch(() => undefined)))).flatMap(
    (found, at) => (found ? copies[at]! : []),
  );
  expect(left.length).toBeGreaterThan(0);
  const asOther = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  if ('uid' in asOther)
    for (const path of left)
      expect(() => execFileSync('stat', [path], { ...asOther, stdio: 'pipe' })).toThrow(
        /Permission denied/,
      );
  for (const name of await readdir(scratch))
    expect((await stat(join(scratch, name))).mode & 0o777).toBe(0o700);
});

test('B5 a data folder that an earlier version left open is shut at the start', async () => {
  for (const path of [server.dataDir, join(server.dataDir, 'git')]) await chmod(path, 0o755);
  expect(await openToOthers(server.dataDir)).toHaveLength(2);
  await shutDataDir(server.dataDir);
  expect(await openToOthers(server.dataDir)).toEqual([]);
});
