import type { CreateQueryOptions } from '@tanstack/svelte-query';
import { send } from './client.ts';

export type ChangedFile = {
  path: string;
  kind: 'added' | 'changed' | 'deleted';
  additions: number | null;
  deletions: number | null;
  binary: boolean;
};
/** Up to a thousand files of `total`. */
export type Changes = { files: ChangedFile[]; total: number };
/** Reads the diff of one of them. */
export type DiffQuery = CreateQueryOptions<string, Error, string, string[]>;

/** The files that a branch or a commit changed. */
export async function changesAt(place: string, signal: AbortSignal): Promise<Changes> {
  const answer = await send(`${place}/changes`, { signal });
  return ((await answer.json()) as { meta: Changes }).meta;
}

/** A unified diff of one of those files. */
export async function diffAt(place: string, path: string, signal: AbortSignal): Promise<string> {
  const answer = await send(`${place}/changes?filePath=${encodeURIComponent(path)}`, { signal });
  return answer.text();
}
