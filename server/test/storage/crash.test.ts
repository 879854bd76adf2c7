import { execFile, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openGit } from '../../src/storage/git.ts';
import { collect } from './collect.ts';

const WRITER = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
const SEEDS = [1, 2, 3];
const KILLS = 3;

test.each(SEEDS)(
  'every acknowledged version survives kill -9 (seed %i)',
  { timeout: 60_000 },
  async (seed) => {
    const root = await mkdtemp(join(tmpdir(), 'kyozo-crash-'));
    const scope = { teamId: randomUUID(), workspaceId: randomUUID() };
    const acknowledged: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      acknowledged.push(
        ...(await writeUntilKilled([root, scope.workspaceId, scope.teamId], lines(seed, kill))),
      );
    }
    const store = await openGit(root);
    for (const line of acknowledged) {
      const [lane, version, address, sha256, commit] = line.split(' ') as [
        string,
        string,
        string,
        string,
        string,
      ];
      const body = await buffer(await store.get(scope, address));
      expect(createHash('sha256').update(body).digest('hex')).toBe(sha256);
      const path = `${lane}/folder-${Number(version) % 7}/file-${Number(version) % 50}.txt`;
      const files = await collect(store.readTree(scope.workspaceId, commit));
      expect(files.find((file) => file.path === path)?.address).toBe(address);
    }
    await store.close();
    const fsck = await promisify(execFile)('git', [
      '-C',
      store.folder(scope.workspaceId),
      'fsck',
      '--full',
      '--strict',
      '--no-dangling',
    ]);
    expect(fsck.stdout).toBe('');
    await rm(root, { recursive: true });
  },
);

/** After how many acknowledged versions the writer dies, give or take what is under way. */
function lines(seed: number, kill: number): number {
  return 5 + (createHash('sha256').update(`${seed} ${kill}`).digest().readUInt16BE(0) % 200);
}

async function writeUntilKilled(args: string[], after: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = once(child, 'exit');
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    seen.push(line);
    if (seen.length === after) child.kill('SIGKILL');
  }
  expect((await exit)[1]).toBe('SIGKILL');
  return seen;
}
