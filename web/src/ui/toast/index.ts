export { default as Toaster } from './Toaster.svelte';
export { tell, tellError, tellOutcome, tellWithUndo, undoLast } from './toast.ts';
