export { default as Empty } from './Empty.svelte';
