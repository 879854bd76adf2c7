export { default as Avatar } from './Avatar.svelte';
export { personHex } from './person.ts';
