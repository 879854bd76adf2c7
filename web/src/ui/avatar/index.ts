export { default as Avatar } from './Avatar.svelte';
export { personColour } from './person.ts';
