import type { StorageUse } from '../../../types/records.ts';

/** What is kept somewhere; sizes in bytes. */
export type Use = Pick<StorageUse, 'fileCount' | 'fileSize' | 'versionCount' | 'versionSize'>;

export function sumOf(parts: readonly StorageUse[]): Use {
  const sum = { fileCount: 0, fileSize: 0, versionCount: 0, versionSize: 0 };
  for (const part of parts)
    for (const key of Object.keys(sum) as (keyof Use)[]) sum[key] += part[key];
  return sum;
}

/** Sums by what they have in common, the largest first. */
export function groups(
  parts: readonly StorageUse[],
  key: (part: StorageUse) => string,
): [string, Use][] {
  return [...Map.groupBy(parts, key)]
    .map(([name, some]): [string, Use] => [name, sumOf(some)])
    .sort(([, a], [, b]) => b.versionSize - a.versionSize);
}
