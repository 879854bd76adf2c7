export { default as Toaster } from './Toaster.svelte';
export { tell, tellError, tellOutcome, tellToReload, tellWithUndo, undoLast } from './toast.ts';
