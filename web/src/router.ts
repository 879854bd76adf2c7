import { createRouter } from 'sv-router';

/** Every address of the app; parentheses leave the frame. Places load when first visited. */
export const { p, navigate, isActive, route, preload } = createRouter({
  layout: () => import('./layout/AppLayout.svelte'),
  '/(sign-in)': () => import('./components/access/SignIn.svelte'),
  '/(sign-up)': () => import('./components/access/SignUp.svelte'),
  '/': () => import('./components/dashboard/Dashboard.svelte'),
  '/workspaces': () => import('./components/workspaces/WorkspaceManager.svelte'),
  '/workspaces/:workspaceId': () => import('./components/files/DocumentBrowser.svelte'),
  '/files/:fileId': () => import('./components/document/FilePlace.svelte'),
  '/notebooks': () => import('./components/notebooks/NotebookManager.svelte'),
  '/trash': () => import('./components/trash/Trash.svelte'),
  '/settings': () => import('./components/settings/Settings.svelte'),
  '/settings/:section': () => import('./components/settings/Settings.svelte'),
  '*': () => import('./components/NotFound.svelte'),
});
