export { default as Toaster } from './Toaster.svelte';
export { tell, tellError, tellWithUndo } from './toast.ts';
