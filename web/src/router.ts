import { createRouter } from 'sv-router';

/** Every address of the app; parentheses leave the frame. Places load when first visited. */
export const { p, navigate, isActive, route, preload } = createRouter({
  layout: () => import('./layout/AppLayout.svelte'),
  '/(sign-in)': () => import('./components/access/SignIn.svelte'),
  '/(sign-up)': () => import('./components/access/SignUp.svelte'),
  '/(forgot-password)': () => import('./components/access/ForgotPassword.svelte'),
  '/(reset-password)': () => import('./components/access/ResetPassword.svelte'),
  '/(confirm)': () => import('./components/access/Confirm.svelte'),
  '/(magic-link)': () => import('./components/access/MagicLink.svelte'),
  '/(invitation)': () => import('./components/access/Invitation.svelte'),
  '/': () => import('./components/dashboard/Dashboard.svelte'),
  '/workspaces': () => import('./components/workspaces/WorkspaceManager.svelte'),
  '/workspaces/:workspaceId': () => import('./components/files/DocumentBrowser.svelte'),
  '/workspaces/:workspaceId/at': () => import('./components/document/LinkedPlace.svelte'),
  '/workspaces/:workspaceId/branches': () => import('./components/branches/Branches.svelte'),
  '/workspaces/:workspaceId/branches/:branchId': () =>
    import('./components/branches/BranchPlace.svelte'),
  '/workspaces/:workspaceId/commits': () => import('./components/commits/Commits.svelte'),
  '/workspaces/:workspaceId/commits/:commitId': () =>
    import('./components/commits/CommitPlace.svelte'),
  '/files/:fileId': () => import('./components/document/FilePlace.svelte'),
  '/files/:fileId/history': () => import('./components/history/History.svelte'),
  '/notebooks': () => import('./components/notebooks/NotebookManager.svelte'),
  '/notifications': () => import('./components/notifications/Notifications.svelte'),
  '/transfers': () => import('./components/transfers/Transfers.svelte'),
  '/transfers/:transferId': () => import('./components/transfers/Report.svelte'),
  '/trash': () => import('./components/trash/Trash.svelte'),
  '/settings': () => import('./components/settings/Settings.svelte'),
  '/settings/:section': () => import('./components/settings/Settings.svelte'),
  '*': () => import('./components/NotFound.svelte'),
});

/** A parameter of the address as it is there: the router would read a folder `007` as a number. */
export function searchText(name: string): string {
  void route.search;
  return new URLSearchParams(location.search).get(name) ?? '';
}
