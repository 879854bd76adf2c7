import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

const canMount = tryMount();
if (!canMount)
  console.warn(
    'SKIPPED: a full disk needs a file system of its own, and this user may not mount one.',
  );

let dataDir: string;
let server: TestServer;
let ann: Person;
let workspace: RecordObject;

beforeAll(async () => {
  if (!canMount) return;
  dataDir = await mkdtemp(join(tmpdir(), 'kyozo-full-'));
  // git sets 8 MB aside for its journal.
  for (const [name, size] of [
    ['git', '24m'],
    ['blobs', '4m'],
  ] as const) {
    await mkdir(join(dataDir, name));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', join(dataDir, name)]);
  }
  server = await startServer({ dataDir });
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(async () => {
  if (!canMount) return;
  await server.stop();
  for (const name of ['git', 'blobs']) execFileSync('umount', ['-l', join(dataDir, name)]);
  await rm(dataDir, { recursive: true, force: true });
});

const relationships = () => ({ workspace: { data: { type: 'workspaces', id: workspace.id } } });
const put = (id: string, raw: string | Uint8Array) =>
  ann.request(`/files/${id}/content`, { method: 'PUT', raw });
const text = async (id: string) => (await ann.fetch(`/files/${id}/content`)).text();
const counts = () =>
  server.query(
    'select (select count(*) from files) as files, (select count(*) from file_versions) as versions, (select count(*) from events) as events',
  );

test.skipIf(!canMount)('text: 507, nothing half-written, reads go on, and it heals', async () => {
  const file = await ann.file(workspace, 'a.md', 'first\n');
  const filler = join(dataDir, 'git', 'filler');
  await fill(filler);
  const before = await counts();
  const [head] = await server.query('select head_commit from workspaces');
  const created = await ann.post(
    '/files',
    'files',
    { path: 'b.md', content: noise(200_000) },
    relationships(),
  );
  expect([created.status, created.body.errors[0]!.code]).toEqual([507, 'storage_full']);
  expect((await put(file.id, noise(200_000))).status).toBe(507);
  expect((await ann.patch(`/files/${file.id}`, file, { path: 'moved.md' })).status).toBe(507);
  expect(await counts()).toEqual(before);
  expect(await server.query('select head_commit from workspaces')).toEqual([head]);
  expect(await text(file.id)).toBe('first\n');
  expect((await ann.get('/files')).status).toBe(200);
  await rm(filler);
  expect((await put(file.id, 'second\n')).status).toBe(200);
  expect(await text(file.id)).toBe('second\n');
  expect((await ann.patch(`/files/${file.id}`, file, { path: 'moved.md' })).status).toBe(200);
});

test.skipIf(!canMount)('a blob: 507, no leftover, and it heals', async () => {
  const bytes = Buffer.alloc(600_000, 0);
  bytes.write('\x89PNG\r\n\x1a\n', 'latin1');
  const filler = join(dataDir, 'blobs', 'filler');
  await fill(filler);
  const before = await counts();
  const attributes = { path: 'a.png', content: bytes.toString('base64'), encoding: 'base64' };
  const refused = await ann.post('/files', 'files', attributes, relationships());
  expect([refused.status, refused.body.errors[0]!.code]).toEqual([507, 'storage_full']);
  expect(await counts()).toEqual(before);
  expect(await readdir(join(dataDir, 'blobs', 'tmp'))).toEqual([]);
  await rm(filler);
  const made = await ann.post('/files', 'files', attributes, relationships());
  expect(made.status).toBe(201);
  const back = await ann.fetch(`/files/${made.body.data.id}/content`);
  expect(Buffer.from(await back.arrayBuffer()).equals(bytes)).toBe(true);
});

/** Writes until nothing more fits, to the last block. */
async function fill(path: string): Promise<void> {
  await writeFile(path, '');
  for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) {
    for (;;) {
      try {
        await writeFile(path, Buffer.alloc(size, 1), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        break;
      }
    }
  }
}

/** Text that does not compress away. */
const noise = (length: number): string => {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return String.fromCharCode(33 + ((state >>> 16) % 90));
  }).join('');
};

function tryMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = execFileSync('mktemp', ['-d']).toString().trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('rmdir', [probe]);
  }
}
