import { queryOptions } from '@tanstack/svelte-query';
import { files } from './files.ts';

/** The smaller pictures that the server makes. */
export const pictures = {
  /** The smaller picture of a version. A version never changes, so it is fetched once. */
  small: (fileId: string, version: number) =>
    queryOptions({
      queryKey: ['thumbnails', fileId, version],
      queryFn: ({ signal }) => files.thumbnail(fileId, signal),
      retry: false,
      staleTime: Number.POSITIVE_INFINITY,
    }),
};
