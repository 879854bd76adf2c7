import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, noTeam } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Spawner } from '../spawn/spawner.ts';
import { GIT_ENVIRONMENT } from '../storage/git/environment.ts';
import type { GitStorage } from '../storage/git.ts';

type Parts = { database: Database; git: Pick<GitStorage, 'folder'>; spawner: Spawner };
/** Loose objects from which on a repository is packed. */
const mostLoose = 5_000;
/** Of 256 folders one is counted, for the names are hashes. */
const sample = '17';

/** Packs repositories that hold many loose objects; answers how many there were. */
export async function repackAll(
  { database, git, spawner }: Parts,
  signal: AbortSignal,
  most = mostLoose,
): Promise<number> {
  let packed = 0;
  let last = noTeam.teamId;
  for (;;) {
    const some = await database.system<{ workspace_id: string }>(
      sql`select workspace_id from workspaces_after(${last}::uuid, 500)`,
    );
    if (some.length === 0) return packed;
    for (const { workspace_id: id } of some) {
      signal.throwIfAborted();
      const folder = git.folder(id);
      const loose = await readdir(join(folder, 'objects', sample)).catch(() => []);
      if (loose.length * 256 <= most) continue;
      await repack(spawner, folder);
      packed += 1;
    }
    last = some.at(-1)!.workspace_id;
  }
}

/**
 * Packs what refs reach and takes away the loose copies of what is packed; nothing else is removed, so
 * objects whose commit is still to come stay. @throws Error with git's words
 */
async function repack(spawner: Spawner, folder: string): Promise<void> {
  const args = ['-C', folder, 'repack', '-d', '-l', '-q'];
  const child = spawner.spawn('git', args, {
    cwd: '/',
    env: { ...GIT_ENVIRONMENT, GIT_DIR: folder },
  });
  child.stdin.end();
  child.stdout.resume();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const closed = once(child.stderr, 'close').catch(() => undefined);
  const { code } = await child.exited;
  await closed;
  if (code !== 0) throw new Error(`git repack ended with ${code}: ${complaint}`);
}
