import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { must, temporary } from '../server/test/git/repository.ts';
import { password } from './person.ts';

export type WorkingCopy = {
  /** Runs git in it; resolves to what it printed. */
  git(...args: string[]): Promise<string>;
  /** Commits files on a branch, which begins at `main`, and pushes it. */
  push(branch: string, files: Record<string, string | Uint8Array>, message?: string): Promise<void>;
  remove(): Promise<void>;
};

/** Clones the workspace whose files the page shows with git, as the app says, for who is signed in. */
export async function clone(page: Page, email: string): Promise<WorkingCopy> {
  const { folder, remove } = await temporary();
  await must(folder, 'clone', '-q', await addressOf(page, email), 'work');
  const work = join(folder, 'work');
  const git = (...args: string[]) => must(work, ...args);
  return {
    git,
    push: async (branch, files, message = `Work on ${Object.keys(files).join(' and ')}`) => {
      await git('fetch', '-q');
      const known = await git('branch', '--list', '--remotes', `origin/${branch}`);
      await git('switch', '-q', '-C', branch, known ? `origin/${branch}` : 'origin/main');
      for (const [path, text] of Object.entries(files)) await writeFile(join(work, path), text);
      await git('add', '-A');
      await git('commit', '-q', '-m', message);
      await git('push', '-q', 'origin', branch);
    },
    remove,
  };
}

async function addressOf(page: Page, email: string): Promise<string> {
  const signedIn = await fetch(new URL('/api/v1/users/sign-in', page.url()), {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({ data: { type: 'users', attributes: { email, password } } }),
  });
  const { meta } = (await signedIn.json()) as { meta: { accessToken: string } };
  await page.getByRole('button', { name: 'Clone with git' }).click();
  const command = await page.getByText(/^git clone /u).textContent();
  await page.keyboard.press('Escape');
  const address = command!.replace('git clone ', '');
  return address.replace('http://', `http://x:${meta.accessToken}@`);
}
