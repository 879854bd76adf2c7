import type { Page } from 'playwright-core';
import { chooseTeam, fillAccount, invite, makeTeam, openText } from './person.ts';
import { clone } from './working-copy.ts';

const markdown = `# Field notes: the reservoir in spring

The level rose by **41 cm** between March and May. Most of it came in two weeks of rain; the snow
that melted above 900 m explains the rest.

## What we measured

| Station | March | April | May |
| --- | ---: | ---: | ---: |
| Upper inlet | 2.31 | 2.48 | 2.66 |
| Dam | 2.07 | 2.29 | 2.48 |

- [x] Compare with last year
- [ ] Ask the valley station for hourly values

> Readings before 8 March were taken by hand.

\`\`\`python {name=mean}
levels = [2.07, 2.29, 2.48]
print(f"mean {sum(levels) / len(levels):.2f} m")
\`\`\`
`;

const tree = [
  ['Field notes.md', markdown],
  [
    'Reports/2026/Quarterly report with a rather long name that has to be cut somewhere.md',
    '# Report\n',
  ],
  ['Reports/2026/Budget.csv', 'item,amount\nPumps,1200\n'],
  [
    'Scripts/load-readings.py',
    'import csv\n\nfor row in csv.reader(open("readings.csv")):\n    print(row)\n',
  ],
  ['Scripts/clean.sh', '#!/bin/sh\nset -eu\nrm -rf build\n'],
  ['.gitignore', 'build\n'],
  ['config.json', '{ "station": "dam" }\n'],
  ['To delete.md', '# Soon in the trash\n'],
] as const;

/** Gives an account what people have after a while: folders, code, runs, a key, something in the trash. */
export async function furnish(page: Page): Promise<void> {
  await page.goto('/workspaces');
  await page.getByRole('button', { name: 'New workspace' }).first().click();
  await page.getByLabel('Name').fill('Reservoir study');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'This workspace is empty' }).waitFor();
  const files = tree.map(([path, content]) => ({ path, content }));
  await upload(page, files);
  await page.getByRole('row', { name: 'To delete.md' }).focus();
  await page.keyboard.press('Delete');
  await page.getByText('Moved “To delete.md” to the trash').waitFor();
  await runCells(page);
  await page.goto('/settings/api-keys');
  await makeKey(page, 'Laptop git');
}

/** Gives the first workspace of an account a branch, pushed with git, that cannot be merged by itself. */
export async function furnishBranch(page: Page, email: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('treeitem', { name: 'Getting started' }).click();
  const copy = await clone(page, email);
  const stations = Array.from({ length: 12 }, (_, at) => `- Station ${at + 1}: read daily`).join(
    '\n',
  );
  const notes = (line: string, reader = 'By hand.') => ({
    'Conflict.md': `# Level of the dam\n\n${line}\n\n${stations}\n\n${reader}\n`,
  });
  await copy.push('main', notes('Not measured yet.'), 'Begin the notes of the dam');
  await copy.push(
    'spring-edits',
    { ...notes('It rose by 41 cm in spring.', 'By the new gauge.'), 'Sounding.bin': bytes(1) },
    'Write what spring brought',
  );
  await copy.push(
    'main',
    { ...notes('It is 2.48 m now.', 'By hand, each Monday at noon.'), 'Sounding.bin': bytes(2) },
    'Write the readings of main\n\nTaken at noon.',
  );
  await copy.remove();
}

/** Content that is no text. */
const bytes = (last: number): Uint8Array => Uint8Array.of(0, 255, last);

/** The team that `furnishTeam` makes. */
export const teamName = 'Field station';

/** Gives an account a team with a second member, somebody invited, a key of its own, and news of all that. */
export async function furnishTeam(page: Page, guest: Page): Promise<void> {
  const own = (await page.locator('[data-team-menu]:visible').textContent())!.slice(2).trim();
  await makeTeam(page, teamName);
  const link = await invite(page, `guest-of-${Date.now()}@example.org`);
  await invite(page, 'someone.with.a.rather.long.address@hydrology.example.org', 'Admin');
  await guest.goto(link);
  await guest.getByRole('button', { name: 'Create an account' }).click();
  await fillAccount(guest, 'Grace Hopper');
  await guest.getByText(`Welcome to ${teamName}`).waitFor();
  await page.getByRole('button', { name: 'Notifications, 1 unread' }).waitFor();
  await page.goto('/settings/team-keys');
  await makeKey(page, 'Nightly export');
  await chooseTeam(page, own);
}

/** Drops files on the page, as a person would from a folder. */
async function upload(page: Page, files: { path: string; content: string }[]): Promise<void> {
  const input = page.locator('input[type=file][multiple]').last();
  for (const folder of new Set(files.map((file) => folderOf(file.path)))) {
    const address = new URL(page.url());
    await page.goto(`${address.pathname}?folder=${encodeURIComponent(folder)}`);
    await page.getByRole('button', { name: 'New', exact: true }).waitFor();
    const here = files.filter((file) => folderOf(file.path) === folder);
    await input.setInputFiles(
      here.map(({ path, content }) => ({
        name: path.slice(path.lastIndexOf('/') + 1),
        mimeType: 'text/plain',
        buffer: Buffer.from(content),
      })),
    );
    await page
      .getByText(`Uploaded ${here.length === 1 ? '1 file' : `${here.length} files`}`)
      .waitFor();
  }
  await page.goto(new URL(page.url()).pathname);
  await page.getByRole('grid').getByText('Field notes.md').waitFor();
}

async function runCells(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByRole('link', { name: 'Notebook.md' }).first().click();
  await openText(page);
  await page.getByRole('button', { name: 'Run all cells' }).click();
  await page.waitForFunction(
    () => document.querySelectorAll('.elim-cell-gutter [aria-label=Done]').length === 3,
    undefined,
    { timeout: 60_000 },
  );
}

async function makeKey(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('What is it for?').fill(name);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByTestId('api-key').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}
