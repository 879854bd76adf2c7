import type { StorageBackend, StorageUse, Workspace } from '../../../types/records.ts';

/** What is kept somewhere; sizes in bytes. */
export type Use = Pick<StorageUse, 'fileCount' | 'fileSize' | 'versionCount' | 'versionSize'>;

export function sumOf(parts: readonly StorageUse[]): Use {
  const sum = { fileCount: 0, fileSize: 0, versionCount: 0, versionSize: 0 };
  for (const part of parts)
    for (const key of Object.keys(sum) as (keyof Use)[]) sum[key] += part[key];
  return sum;
}

/** Sums by backend, the largest first. */
export function byBackend(parts: readonly StorageUse[]): [StorageBackend, Use][] {
  return [...Map.groupBy(parts, ({ storageBackend }) => storageBackend)]
    .map(([backend, some]): [StorageBackend, Use] => [backend, sumOf(some)])
    .sort(largestFirst);
}

/** Sums of each workspace, also of those that keep nothing, the largest first. */
export function byWorkspace(
  workspaces: readonly Workspace[],
  parts: readonly StorageUse[],
): [Workspace, Use][] {
  const uses = Map.groupBy(parts, ({ workspace }) => workspace?.id);
  return workspaces
    .map((workspace): [Workspace, Use] => [workspace, sumOf(uses.get(workspace.id) ?? [])])
    .sort(largestFirst);
}

const largestFirst = ([, a]: [unknown, Use], [, b]: [unknown, Use]) =>
  b.versionSize - a.versionSize;
