export { default as Menu } from './Menu.svelte';
export { default as MenuChoice } from './MenuChoice.svelte';
export { default as MenuItem } from './MenuItem.svelte';
export { default as MenuSeparator } from './MenuSeparator.svelte';
