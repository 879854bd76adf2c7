import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { addressOf, must, temporary } from '../server/test/git/repository.ts';
import { Person } from '../server/test/support/api.ts';

export type Filled = { workspaceId: string };

/** Makes a workspace with many small files in one folder, by a push as the signed-in person. */
export async function fillWorkspace(
  page: Page,
  { files, folder }: { files: number; folder: string },
): Promise<Filled> {
  const asked = page.waitForRequest((request) => Boolean(request.headers().authorization));
  await page.goto('/');
  const { authorization } = (await asked).headers();
  const person = new Person(new URL(page.url()).origin, authorization!.replace('Bearer ', ''));
  const workspace = await person.workspace('Library');
  const work = await temporary();
  try {
    const clone = join(work.folder, 'work');
    await must(work.folder, 'clone', '-q', await addressOf(person, workspace), 'work');
    await mkdir(join(clone, folder), { recursive: true });
    for (let at = 1; at <= files; at += 1)
      await writeFile(join(clone, folder, `file ${at}.md`), `# file ${at}\n`);
    await must(clone, 'add', '-A');
    await must(clone, 'commit', '-q', '-m', 'Many files');
    await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  } finally {
    await work.remove();
  }
  return { workspaceId: workspace.id };
}
