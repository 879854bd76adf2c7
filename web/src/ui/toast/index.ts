export { default as Toaster } from './Toaster.svelte';
export { tell, tellError, tellOutcome, tellWithUndo } from './toast.ts';
