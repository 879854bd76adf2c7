export { default as SidePanel } from './SidePanel.svelte';
