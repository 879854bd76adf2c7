import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zip } from '../../server/test/archives/zips.ts';
import { kyozo, run, type Served, serveIn } from '../../server/test/start/process.ts';
import { removeData } from '../../server/test/support/remove-data.ts';

let folder: string;
let server: Served;
let token: string;
const command = (...args: string[]) => kyozo(args, { KYOZO_URL: server.url, KYOZO_TOKEN: token });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-archives-'));
  server = await serveIn(join(folder, 'data'));
  const { stdout } = await command('user', 'create', '--email', 'a@example.com', '--name', 'Ann');
  token = /KYOZO_TOKEN=(\S+)/.exec(stdout)![1]!;
});
afterAll(async () => {
  await server.stop();
  await removeData(folder);
});

test('a zip goes in, comes out as a folder and as a zip, and in again unchanged', {
  timeout: 60_000,
}, async () => {
  const big = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => (index * 7919) % 251));
  const contents = {
    'a/ünï.md': Buffer.from('# A\n'),
    'big.bin': big,
    'empty.txt': Buffer.alloc(0),
  };
  const archive = join(folder, 'notes.zip');
  const parts = Object.entries(contents).map(([name, content]) => ({ name, content }));
  await writeFile(archive, zip(parts));
  const first = await command('import', archive);
  expect([first.code, first.stderr, first.stdout]).toEqual([
    0,
    '',
    '3 imported, 0 changed, 0 unchanged, 0 refused, into notes\n',
  ]);
  const [out, packed] = [join(folder, 'out'), join(folder, 'out.zip')];
  const exported = await command('export', '--workspace', 'notes', '--to', out);
  expect([exported.code, exported.stderr]).toEqual([0, '']);
  for (const [path, bytes] of Object.entries(contents))
    expect((await readFile(join(out, path))).equals(bytes)).toBe(true);
  expect((await readdir(out)).sort()).toEqual(['a', 'big.bin', 'empty.txt']);
  expect((await command('export', '--workspace', 'notes', '--to', packed)).code).toBe(0);
  const list = await run('python3', ['-m', 'zipfile', '-t', packed]);
  expect(list.stdout).toContain('Done testing');
  for (const source of [packed, out]) {
    const again = await command('import', source, '--workspace', 'notes');
    expect([again.code, again.stdout]).toEqual([
      0,
      '0 imported, 0 changed, 3 unchanged, 0 refused, into notes\n',
    ]);
  }
});

test('what is refused is said by name, and wrong usage is 2', async () => {
  const archive = join(folder, 'bad.zip');
  await writeFile(
    archive,
    zip([
      { name: '../up', content: 'x' },
      { name: 'ok', content: 'x' },
    ]),
  );
  const { code, stdout, stderr } = await command('import', archive);
  expect([code, stdout]).toEqual([1, '1 imported, 0 changed, 0 unchanged, 1 refused, into bad\n']);
  expect(stderr).toMatch(/^refused \.\.\/up: The path contains/);
  expect((await command('export', '--to', folder)).code).toBe(2);
  expect((await command('export', '--workspace', 'no such', '--to', folder)).code).toBe(2);
});

test('13.A9 the executable bit goes in and out by folders and zips, and links stay outside', {
  timeout: 60_000,
}, async () => {
  const source = join(folder, 'programs');
  await mkdir(join(source, 'bin'), { recursive: true });
  await writeFile(join(source, 'bin/run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(source, 'plain.md'), 'plain\n', { mode: 0o644 });
  await symlink('/etc/passwd', join(source, 'link'));
  expect((await command('import', source)).stdout).toContain('2 imported');
  const modesIn = async (name: string) => {
    const out = join(folder, name);
    expect((await command('export', '--workspace', 'programs', '--to', out)).code).toBe(0);
    expect((await readdir(out)).sort()).toEqual(['bin', 'plain.md']);
    const modes = ['bin/run.sh', 'plain.md'].map(
      async (path) => (await stat(join(out, path))).mode,
    );
    return (await Promise.all(modes)).map((mode) => (mode & 0o100) !== 0);
  };
  expect(await modesIn('programs-out')).toEqual([true, false]);
  const packed = join(folder, 'programs.zip');
  await command('export', '--workspace', 'programs', '--to', packed);
  await command('import', packed, '--workspace', 'unpacked');
  const again = await command('import', packed, '--workspace', 'programs');
  expect(again.stdout).toContain('2 unchanged');
  const names = `import zipfile,sys; print([(i.filename, oct(i.external_attr >> 16)) for i in zipfile.ZipFile(sys.argv[1]).infolist()])`;
  expect((await run('python3', ['-c', names, packed])).stdout).toContain(
    "('bin/run.sh', '0o100755')",
  );
  await chmod(join(source, 'bin/run.sh'), 0o644);
  await chmod(join(source, 'plain.md'), 0o755);
  expect((await command('import', source)).stdout).toContain('2 changed');
  expect(await modesIn('programs-later')).toEqual([false, true]);
});
