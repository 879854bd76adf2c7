import type { Page } from 'playwright-core';
import { teamName } from './furnish.ts';
import { chooseTeam, invite, openText, password, saved } from './person.ts';
import { transferPlaces } from './transfer-places.ts';
import { workspacePlaces } from './workspace-places.ts';

export type Place = {
  name: string;
  open(page: Page): Promise<void>;
  /** An open menu stands at the end of the page, outside every landmark; the rest is inert meanwhile. */
  isMenu?: true;
};

/** Every place of the app for a signed-in person, as that person reaches it. */
export const places: readonly Place[] = [
  { name: 'home', open: (page) => visit(page, '/', 'Recently changed') },
  { name: 'workspaces', open: (page) => visit(page, '/workspaces', 'Getting started') },
  { name: 'files', open: openFiles },
  {
    name: 'files-preview',
    open: async (page) => {
      await openFiles(page);
      await page.getByRole('button', { name: 'More actions: Welcome.md' }).click();
      await page.getByRole('menuitem', { name: 'Preview' }).click();
      await page.getByRole('complementary').getByText('Kept in').waitFor();
      await page.getByRole('complementary').getByRole('region').waitFor();
    },
  },
  {
    name: 'files-selection',
    open: async (page) => {
      await openFiles(page);
      await page.getByRole('row', { name: 'Notebook.md' }).focus();
      await page.keyboard.press('x');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('x');
      await page.getByText('2 selected').waitFor();
    },
  },
  ...transferPlaces(openFiles),
  { name: 'document', open: (page) => openFile(page, 'Welcome.md') },
  {
    name: 'document-history',
    open: async (page) => {
      await openFile(page, 'Welcome.md');
      await fromMenu(page, 'History');
      await page.getByText('Version 1').waitFor();
    },
  },
  {
    name: 'document-outline',
    open: async (page) => {
      await openFile(page, 'Welcome.md');
      await fromMenu(page, 'Outline');
      await page.getByRole('complementary').getByText('Where things are').waitFor();
    },
  },
  { name: 'history', open: (page) => openHistory(page) },
  {
    name: 'history-lines',
    open: async (page) => {
      await openHistory(page);
      await page.getByRole('radio', { name: 'Lines and authors' }).click();
      await page.getByRole('list', { name: 'Lines of version' }).waitFor();
    },
  },
  ...workspacePlaces(openFiles),
  { name: 'notebook', open: (page) => openFile(page, 'Notebook.md') },
  { name: 'notebooks', open: (page) => visit(page, '/notebooks', 'Notebooks') },
  { name: 'trash', open: (page) => visit(page, '/trash', 'Trash') },
  {
    name: 'trash-delete',
    open: async (page) => {
      await visit(page, '/trash', 'Trash');
      const remove = page.getByRole('button', { name: /^Delete for good/u }).first();
      // Where nothing is in the trash, there is nothing to ask about.
      if (!(await remove.isVisible())) return;
      await remove.click();
      await page.getByRole('dialog').getByText('All versions go with it').waitFor();
    },
  },
  { name: 'settings', open: (page) => visit(page, '/settings', 'Profile') },
  { name: 'appearance', open: (page) => visit(page, '/settings/appearance', 'Appearance') },
  { name: 'storage', open: (page) => visit(page, '/settings/storage', 'Storage') },
  {
    name: 'storage-move',
    open: async (page) => {
      await visit(page, '/settings/storage', 'Storage');
      await page.getByRole('button', { name: 'Move the storage of Getting started' }).click();
      await page.getByRole('dialog').getByText('Keep it in').waitFor();
    },
  },
  { name: 'api-keys', open: (page) => visit(page, '/settings/api-keys', 'API keys') },
  { name: 'security', open: (page) => visit(page, '/settings/security', 'Security') },
  {
    name: 'second-factor',
    open: async (page) => {
      await visit(page, '/settings/security', 'Security');
      await page.getByRole('button', { name: 'Set up' }).click();
      await page.getByRole('dialog').getByLabel('Current password').fill(password);
      await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor();
    },
  },
  {
    name: 'notification-preferences',
    open: (page) => visit(page, '/settings/notifications', 'Notifications'),
  },
  {
    name: 'delete-account',
    open: async (page) => {
      await visit(page, '/settings', 'Profile');
      await page.getByRole('button', { name: 'Delete my account…' }).click();
      await page.getByRole('dialog').getByLabel('Current password').waitFor();
    },
  },
  {
    name: 'create-key',
    open: async (page) => {
      await visit(page, '/settings/api-keys', 'API keys');
      await page.getByRole('button', { name: 'New key' }).click();
      await page.getByRole('radio', { name: 'Only some…' }).click();
    },
  },
  { name: 'notifications', open: (page) => visit(page, '/notifications', 'Notifications') },
  {
    name: 'notification-panel',
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      const bell = page.getByRole('button', { name: /^Notifications/u });
      // On a phone the bar below leads to the place instead.
      if (!(await bell.isVisible())) return;
      await bell.click();
      await page.getByRole('link', { name: 'See all' }).waitFor();
      await settled(page);
    },
  },
  {
    name: 'members-personal',
    open: (page) => visit(page, '/settings/members', 'Members'),
  },
  {
    name: 'create-team',
    open: async (page) => {
      await visit(page, '/settings/members', 'Members');
      await page.getByRole('button', { name: 'New team' }).click();
      await page.getByRole('dialog').getByLabel('Name').waitFor();
    },
  },
  {
    name: 'palette',
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      await page.keyboard.press('Control+k');
      await page.getByRole('dialog').getByText('Welcome.md').first().waitFor();
    },
  },
  {
    name: 'shortcuts',
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      await page.keyboard.press('?');
      await page.getByRole('dialog').getByText('Everywhere').waitFor();
    },
  },
  {
    name: 'rename-dialog',
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      await page.getByRole('link', { name: 'Notebook.md' }).first().click();
      await page.getByRole('button', { name: 'More actions', exact: true }).click();
      await page.getByRole('menuitem', { name: 'Rename' }).click();
      await page.getByRole('dialog').getByLabel('Name').waitFor();
    },
  },
  {
    name: 'new-document',
    open: async (page) => {
      // The pad shows as long as the document cannot be created.
      await visit(page, '/', 'Recently changed');
      await page.route('**/api/v1/files', (route) => route.abort());
      await page.getByRole('button', { name: 'New document' }).click();
      await page.getByText('Your text stays here.').waitFor();
      await page.unroute('**/api/v1/files');
    },
  },
  {
    name: 'missing-link',
    open: async (page) => {
      await visit(page, '/workspaces', 'Workspaces');
      const address = await page
        .locator('main a[href^="/workspaces/"]')
        .first()
        .getAttribute('href');
      await visit(page, `${address}/at?path=docs%2FNew.md`, 'Nothing is at this address yet');
    },
  },
  { name: 'not-found', open: (page) => visit(page, '/nowhere', 'There is nothing here') },
  {
    name: 'team-menu',
    isMenu: true,
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      await page.locator('[data-team-menu]:visible').click();
      await page.getByRole('menuitemradio', { name: teamName }).waitFor();
    },
  },
  // From here on in the team that furnishTeam made.
  {
    name: 'team',
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      await chooseTeam(page, teamName);
      await visit(page, '/settings/team', 'Team');
    },
  },
  {
    name: 'team-home',
    open: (page) => visit(page, '/', 'Start with a workspace'),
  },
  { name: 'members', open: (page) => visit(page, '/settings/members', 'Members') },
  { name: 'invitations', open: (page) => visit(page, '/settings/invitations', 'Invitations') },
  {
    name: 'invite',
    open: async (page) => {
      await visit(page, '/settings/invitations', 'Invitations');
      await page.getByRole('button', { name: 'Invite' }).first().click();
      await page.getByRole('dialog').getByLabel('Email').waitFor();
    },
  },
  { name: 'team-keys', open: (page) => visit(page, '/settings/team-keys', 'Team keys') },
  {
    name: 'delete-team',
    open: async (page) => {
      await visit(page, '/settings/team', 'Team');
      await page.getByRole('button', { name: 'Delete…' }).click();
      await page.getByRole('dialog').getByLabel('Enter').waitFor();
    },
  },
  {
    name: 'invitation-for-another',
    open: async (page) => {
      await visit(page, '/settings/invitations', 'Invitations');
      const link = await invite(page, `guest-${Date.now()}@example.org`);
      await page.goto(link);
      await page.getByText('This invitation is for').waitFor();
    },
  },
];

/** The places of someone who is not signed in. */
export const outside: readonly Place[] = [
  { name: 'sign-in', open: (page) => visit(page, '/sign-in', 'Sign in to Kyozo') },
  { name: 'sign-up', open: (page) => visit(page, '/sign-up', 'Create your account') },
  {
    name: 'forgot-password',
    open: (page) => visit(page, '/forgot-password', 'Reset your password'),
  },
  {
    name: 'reset-password',
    open: (page) => visit(page, '/reset-password#token=any', 'Set a new password'),
  },
  {
    name: 'confirm-dead',
    open: (page) => visit(page, '/confirm#token=none', 'This link does not'),
  },
  {
    name: 'invitation-dead',
    open: (page) => visit(page, '/invitation#token=none', 'This invitation is not valid'),
  },
];

async function visit(page: Page, path: string, heading: string): Promise<void> {
  await page.goto(path);
  await page.getByRole('heading', { name: heading }).first().waitFor();
  await settled(page);
}

async function openFiles(page: Page): Promise<void> {
  await visit(page, '/workspaces', 'Getting started');
  await page.getByRole('heading', { name: 'Getting started' }).getByRole('link').click();
  await page.getByRole('grid').getByText('Welcome.md').waitFor();
}

async function openFile(page: Page, name: string): Promise<void> {
  await openFiles(page);
  await page.getByRole('grid').getByRole('link', { name }).click();
  await openText(page);
  await saved(page);
}

async function openHistory(page: Page): Promise<void> {
  await openFile(page, 'Welcome.md');
  await fromMenu(page, 'History');
  await page.getByRole('link', { name: 'Compare versions' }).click();
  await page.getByRole('table', { name: /^Changes from/u }).waitFor();
}

async function fromMenu(page: Page, item: string): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

/** Nothing is a grey placeholder any more. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('.animate-pulse'));
}
