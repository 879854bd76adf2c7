import { queryOptions } from '@tanstack/svelte-query';
import type { SignInMethods } from '../types/records.ts';
import { read } from './client.ts';

/** How one can sign in to this server. */
export const signInMethods = () =>
  queryOptions({
    queryKey: ['sign-in-methods'],
    queryFn: async ({ signal }) =>
      (await read<undefined>('/sign-in-methods', signal)).meta as SignInMethods,
    staleTime: Number.POSITIVE_INFINITY,
  });
