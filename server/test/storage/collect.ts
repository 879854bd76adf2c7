import type { BlobStore } from '../../src/storage/blob-store.ts';

/** Everything an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The names of a team's blobs. */
export async function namesOf(store: BlobStore, teamId: string): Promise<string[]> {
  return (await collect(store.list(teamId))).map(({ name }) => name);
}
