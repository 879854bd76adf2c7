import type { Page } from 'playwright-core';
import type { Place } from './places.ts';

/** The branches and commits of a workspace; `openFiles` leads to it. */
export function workspacePlaces(openFiles: (page: Page) => Promise<void>): Place[] {
  const openTab = async (page: Page, name: string) => {
    await openFiles(page);
    const tabs = page.getByRole('navigation', { name: 'Places of the workspace' });
    await tabs.getByRole('link', { name }).click();
    await page.getByRole('heading', { name, exact: true }).waitFor();
  };
  return [
    {
      name: 'branches',
      open: async (page) => {
        await openTab(page, 'Branches');
        await page.getByRole('listitem').getByText('main', { exact: true }).waitFor();
      },
    },
    {
      name: 'branch',
      open: async (page) => {
        await openTab(page, 'Branches');
        await page.getByRole('link', { name: 'spring-edits' }).click();
        await page.getByRole('table', { name: 'Changes of Conflict.md' }).waitFor();
      },
    },
    {
      name: 'branch-conflict',
      open: async (page) => {
        await openTab(page, 'Branches');
        await page.getByRole('link', { name: 'spring-edits' }).click();
        await page.getByRole('button', { name: 'Merge into main' }).click();
        await page.getByRole('region', { name: 'Changed on both sides' }).waitFor();
        await page.getByRole('radio', { name: 'Keep main' }).first().click();
      },
    },
    {
      name: 'branch-conflict-text',
      open: async (page) => {
        await openTab(page, 'Branches');
        await page.getByRole('link', { name: 'spring-edits' }).click();
        await page.getByRole('button', { name: 'Merge into main' }).click();
        await page.getByRole('button', { name: 'Edit the text of Conflict.md' }).click();
        await page.getByText('Conflict markers are still in it').waitFor();
      },
    },
    {
      name: 'commits',
      open: async (page) => {
        await openTab(page, 'Commits');
        await page.getByRole('list', { name: 'Commits of today' }).waitFor();
      },
    },
    {
      name: 'commit',
      open: async (page) => {
        await openTab(page, 'Commits');
        await page.getByRole('link', { name: 'Write the readings of main' }).click();
        await page.getByRole('table', { name: 'Changes of Conflict.md' }).waitFor();
      },
    },
  ];
}
