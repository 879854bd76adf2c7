import { messages } from '../../messages.ts';
import { tellError } from '../../ui/toast/index.ts';
import type { Browser, Row } from './browser.svelte.ts';
import { trashFiles } from './moving.ts';

/** Moves rows to the trash, the chosen ones unless others are given; a folder with all that is below it. */
export async function trashRows(browser: Browser, rows: readonly Row[] = browser.chosen) {
  browser.selection.clear();
  try {
    await trashFiles(await browser.filesOf(rows));
  } catch (error) {
    tellError(messages.files.trash, error);
  }
}

/** Moves the chosen rows into a folder; a folder is never moved into itself. */
export async function moveRows(browser: Browser, folder: string) {
  const rows = browser.chosen.filter(
    (row) => row.kind === 'file' || !`${folder}/`.startsWith(`${row.folder.path}/`),
  );
  browser.selection.clear();
  try {
    await browser.moveInto(rows, folder);
  } catch (error) {
    tellError(messages.files.moveTitle, error);
  }
}
