export { default as Skeleton } from './Skeleton.svelte';
export { default as SkeletonRows } from './SkeletonRows.svelte';
