import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomOf } from '../server/test/collaboration/random.ts';
import { addressOf, must } from '../server/test/git/repository.ts';
import { type Person, register } from '../server/test/support/api.ts';
import { removeData } from '../server/test/support/remove-data.ts';
import { apiBatch } from './repositories/api-batch.ts';
import { pushBatch } from './repositories/push-batch.ts';
import { verifyClone, verifyExport, verifyRecords } from './repositories/verify.ts';
import type { World } from './repositories/world.ts';
import { freePort, Server } from './server.ts';

type Options = { seed: number; runs: number; say?: (line: string) => void };

/**
 * Makes as many repositories at random as `runs`: pushes with renames, copies, swaps, modes, old encodings,
 * merges and empty folders, in turns with changes by the API and by live documents. Ids, versions, modes,
 * authors and bytes must be those of a plain model, in the records, in a clone and in an export.
 * @throws Error that says what is not so, and after which changes
 */
export async function repositories({ seed, runs, say = () => undefined }: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kyozo-soak-repositories-'));
  const server = await Server.start(dataDir, await freePort());
  try {
    const owner = await register(server.url);
    for (let run = 1; run <= runs; run++) {
      const folder = await mkdtemp(join(tmpdir(), 'kyozo-repository-'));
      const world = await begin(owner, dataDir, folder, randomOf(seed * 1_000 + run));
      try {
        await round(world);
      } catch (error) {
        const story = world.done.join('\n');
        throw new Error(`Run ${run} failed after:\n${story}\n${server.complaints}`, {
          cause: error,
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      say(`run ${run}: ${world.files.size} files are what ${world.done.length} changes made them`);
    }
  } finally {
    await server.stop();
    await removeData(dataDir);
  }
}

async function begin(
  owner: Person,
  dataDir: string,
  folder: string,
  random: () => number,
): Promise<World> {
  const workspace = await owner.workspace();
  const address = await addressOf(owner, workspace);
  await must(folder, 'clone', '-q', address, 'clone');
  await must(join(folder, 'clone'), 'checkout', '-q', '-B', 'main').catch(() => undefined);
  const repository = join(dataDir, 'git', `${workspace.id}.git`);
  const places = { address, repository, folder, clone: join(folder, 'clone') };
  const known = { files: new Set<never>(), spent: new Set<string>(), count: 0, done: [] };
  return { random, person: owner, workspace, ...places, ...known };
}

async function round(world: World): Promise<void> {
  for (let batch = 0; batch < 5; batch++) {
    await pushBatch(world);
    await verifyRecords(world);
    await apiBatch(world);
    await verifyRecords(world);
  }
  await verifyClone(world);
  await verifyExport(world);
}
