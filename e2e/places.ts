import type { Page } from 'playwright-core';
import { openText, saved } from './person.ts';

export type Place = { name: string; open(page: Page): Promise<void> };

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
  { name: 'notebook', open: (page) => openFile(page, 'Notebook.md') },
  { name: 'notebooks', open: (page) => visit(page, '/notebooks', 'Notebooks') },
  { name: 'trash', open: (page) => visit(page, '/trash', 'Trash') },
  { name: 'settings', open: (page) => visit(page, '/settings', 'Profile') },
  { name: 'appearance', open: (page) => visit(page, '/settings/appearance', 'Appearance') },
  { name: 'api-keys', open: (page) => visit(page, '/settings/api-keys', 'API keys') },
  { name: 'members', open: (page) => visit(page, '/settings/members', 'Members') },
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
    name: 'create-dialog',
    open: async (page) => {
      await visit(page, '/', 'Recently changed');
      await page.getByRole('button', { name: 'New document' }).click();
      await page.getByRole('dialog').getByLabel('Name').waitFor();
    },
  },
  { name: 'not-found', open: (page) => visit(page, '/nowhere', 'There is nothing here') },
];

/** The places of someone who is not signed in. */
export const outside: readonly Place[] = [
  { name: 'sign-in', open: (page) => visit(page, '/sign-in', 'Sign in to Kyozo') },
  { name: 'sign-up', open: (page) => visit(page, '/sign-up', 'Create your account') },
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

async function fromMenu(page: Page, item: string): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

/** Nothing is a grey placeholder any more. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('.animate-pulse'));
}
