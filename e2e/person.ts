import type { Browser, Page } from 'playwright-core';

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
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
}

/** Signs in an account that was made before. */
export async function signIn(page: Page, email: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Recently changed' }).waitFor();
}

/** The text of the open document, once the server says that it can be written. */
export async function openText(page: Page) {
  const text = page.getByRole('textbox', { name: 'Text of the document' });
  await text.waitFor();
  return text;
}

/** Waits until everything typed is durable. */
export async function saved(page: Page): Promise<void> {
  await page.locator('[data-state="saved"]').waitFor();
}

/** Makes a document in the workspace that is used last, and stays in it. */
export async function newDocument(page: Page, name: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('button', { name: 'New document' }).click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.waitForURL(/\/files\//u);
  await openText(page);
}

const password = 'correct horse battery staple';
