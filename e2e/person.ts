import type { Browser, Page } from 'playwright-core';
import { Person } from '../server/test/support/api.ts';

type Size = { width: number; height: number };

export const desktop: Size = { width: 1440, height: 900 };
export const phone: Size = { width: 390, height: 844 };

/** Someone with a browser of their own, signed in nowhere. */
export async function newPerson(browser: Browser, url: string, size = desktop): Promise<Page> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: size,
    reducedMotion: 'reduce',
  });
  return context.newPage();
}

/** Makes an account by hand and waits for the dashboard with its first workspace. */
export async function register(page: Page, name: string, email: string): Promise<void> {
  await page.goto('/sign-up');
  await page.getByLabel('Email').fill(email);
  await fillAccount(page, name);
  await home(page);
}

/** The rest of signing up, once the address is there. */
export async function fillAccount(page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
}

/** Signs in an account that was made before. */
export async function signIn(page: Page, email: string): Promise<void> {
  await page.goto('/sign-in');
  await prove(page, email);
  await home(page);
}

/** Fills in the first factor. */
export async function prove(page: Page, email: string, secret = password): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Waits for the dashboard. */
export async function home(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
}

/** Makes a team and stays in its invitations. */
export async function makeTeam(page: Page, name: string): Promise<void> {
  await page.goto('/settings/members');
  await page.getByRole('button', { name: 'New team' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill(name);
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Nobody is invited' }).waitFor();
}

/** Goes to a team of one's own by the menu, which is in the sidebar or, on a phone, in the bar. */
export async function chooseTeam(page: Page, name: string): Promise<void> {
  await page.locator('[data-team-menu]:visible').click();
  await page.getByRole('menuitemradio', { name }).click();
  await page.getByRole('heading', { name: /^Hello/u }).waitFor();
}

/** Invites an address from the page of invitations; resolves to the link that is shown once. */
export async function invite(page: Page, email: string, role = 'Member'): Promise<string> {
  await page.getByRole('button', { name: 'Invite' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Email').fill(email);
  if (role !== 'Member') {
    await dialog.getByLabel('Role').click();
    await page.getByRole('option', { name: role }).click();
  }
  await dialog.getByRole('button', { name: 'Send invitation' }).click();
  const link = await dialog.getByTestId('invitation-link').textContent();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  return link ?? '';
}

/** The text of the open document, once it is here and the server agrees. */
export async function openText(page: Page) {
  const text = page.getByRole('textbox', { name: 'Text of the document' });
  await text.waitFor();
  // Before it is synchronised a key press may land where the caret no longer is.
  await page.locator('[data-document=saved], [data-document=readOnly]').waitFor();
  return text;
}

/** Puts the caret at the end of the open document, as someone does who goes on writing. */
export async function goToEnd(page: Page): Promise<void> {
  const text = await openText(page);
  await text.focus();
  await noticed(page);
  await page.keyboard.press('Control+End');
  await noticed(page);
}

/**
 * The editor learns of a new caret with the next frame, and puts its own in place 20 ms after the
 * focus. No person types that fast, but we do.
 */
export async function noticed(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 40));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  });
}

/** Waits until everything typed is durable. */
export async function saved(page: Page): Promise<void> {
  await page.locator('[data-document=saved]').waitFor();
}

/** Makes a document in the workspace that is used last, and stays in it. */
export async function newDocument(page: Page, name: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('button', { name: 'New document' }).click();
  await page.keyboard.type(`# ${name}`);
  await page.waitForURL(/\/files\//u);
  await openText(page);
  await nameAfterTitle(page);
}

/** Gives an untitled document the name that the app proposes: that of its title. */
export async function nameAfterTitle(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'More actions', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  const dialog = page.getByRole('dialog', { name: 'Rename' });
  await dialog.getByRole('button', { name: 'Rename' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** The same account at the API. */
export async function signedInByApi(url: string, email: string): Promise<Person> {
  const attributes = { email, password };
  const { body } = await new Person(url).post('/users/sign-in', 'users', attributes);
  return new Person(url, String(body.meta.accessToken), { email });
}

/** The bytes of the open document's file, once its text is a version. */
export async function publishedText(page: Page, api: Person): Promise<string> {
  const id = new URL(page.url()).pathname.split('/').at(-1)!;
  await api.post(`/files/${id}/versions`, 'file-versions', {});
  return (await api.fetch(`/files/${id}/content`)).text();
}

export const password = 'correct horse battery staple';
