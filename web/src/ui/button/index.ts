export { type ButtonVariants, default as Button } from './Button.svelte';
