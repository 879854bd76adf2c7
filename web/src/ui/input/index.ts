export { default as Input } from './Input.svelte';
