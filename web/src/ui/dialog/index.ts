export { default as Confirm } from './Confirm.svelte';
export { default as Dialog } from './Dialog.svelte';
