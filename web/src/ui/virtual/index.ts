export { default as Virtual } from './Virtual.svelte';
