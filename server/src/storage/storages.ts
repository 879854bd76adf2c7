import { join } from 'node:path';
import type { Backend } from './choose-backend.ts';
import { openDisk } from './disk.ts';
import { type GitStorage, openGit } from './git.ts';
import type { Storage } from './storage.ts';

export interface Storages {
  /** What keeps the content that the rules send to `backend`. */
  for(backend: Backend): Storage;
  readonly git: GitStorage;
  /** Removes all content of a team; of what is gone already, nothing. */
  destroyTeam(teamId: string, workspaceIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens every backend below the data folder. One process opens a data folder once. */
export async function openStorages({ dataDir }: { dataDir: string }): Promise<Storages> {
  const disk = await openDisk(join(dataDir, 'blobs'));
  const git = await openGit(join(dataDir, 'git'));
  // Without S3 the disk serves its name; hybrid is the disk's by contract.
  const served: Record<Backend, Storage> = { git, disk, s3: disk, ram: disk, hybrid: disk };
  return {
    for: (backend) => served[backend],
    git,
    async destroyTeam(teamId, workspaceIds) {
      for (const workspaceId of workspaceIds) await git.destroy(workspaceId);
      await disk.destroy(teamId);
    },
    close: () => git.close(),
  };
}
