import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { fillAccount, invite, makeTeam, newPerson, prove, register } from './person.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const person = () => newPerson(browser, server.url);
const member = (page: Page, name: string) =>
  page.getByRole('main').getByRole('listitem').filter({ hasText: name });

test('someone is invited, joins by the link, is told of a new role as it changes, and is shut out when removed', async () => {
  const [owner, guest] = [await person(), await person()];
  await register(owner, 'Ada Lovelace', 'ada@example.org');
  await register(guest, 'Grace Hopper', 'grace@example.org');
  await makeTeam(owner, 'Engine builders');
  const link = await invite(owner, 'grace@example.org');

  // Told at once, in the frame, of what came meanwhile.
  await guest.getByRole('button', { name: 'Notifications, 1 unread' }).click();
  await guest.getByText('Ada Lovelace invites you to Engine builders as member').waitFor();

  const asked: string[] = [];
  guest.on('request', (request) => asked.push(request.url()));
  await guest.goto(link);
  await guest.getByRole('heading', { name: 'Join Engine builders' }).waitFor();
  await guest.getByText('Ada Lovelace invites you to this team as Member.').waitFor();
  expect(new URL(guest.url()).hash).toBe('');
  await guest.getByRole('button', { name: 'Join the team' }).click();
  await guest.getByText('Welcome to Engine builders').waitFor();
  const token = new URL(link).hash.slice('#token='.length);
  expect(token.length).toBeGreaterThan(20);
  expect(asked.filter((url) => url.includes(token))).toEqual([]);

  // The owner is told, and follows the news to the member.
  await owner.getByRole('button', { name: 'Notifications, 1 unread' }).click();
  await owner.getByRole('link', { name: 'Grace Hopper joined Engine builders as member.' }).click();
  await member(owner, 'Grace Hopper').waitFor();
  await owner.getByRole('button', { name: 'Notifications', exact: true }).waitFor();

  await guest.goto('/settings/members');
  await guest.getByText('Only owners and admins change who is in a team').waitFor();
  expect(await guest.getByRole('combobox').count()).toBe(0);

  await member(owner, 'Grace Hopper').getByLabel('Role of Grace Hopper').click();
  await owner.getByRole('option', { name: 'Admin' }).click();
  await owner.getByText('Grace Hopper is Admin now').waitFor();
  // No reload: the role is here, and so is the news of it.
  await guest.getByRole('link', { name: 'Invite' }).waitFor();
  await guest.getByRole('button', { name: 'Notifications, 2 unread' }).waitFor();

  await member(owner, 'Grace Hopper').getByRole('button', { name: 'Remove Grace Hopper' }).click();
  await owner.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await member(owner, 'Grace Hopper').waitFor({ state: 'detached' });
  await guest.getByText('You are no longer a member of Engine builders').waitFor();
  await guest.getByRole('heading', { name: 'Hello, Grace' }).waitFor();
  await guest.getByRole('navigation').getByRole('button', { name: 'Grace Hopper’s team' }).click();
  expect(await guest.getByRole('menuitemradio', { name: 'Engine builders' }).count()).toBe(0);
  await Promise.all([owner, guest].map((page) => page.context().close()));
});

test('C2 whoever is no member any more and was not told leaves the team with a sentence, and stays signed in', async () => {
  const [owner, guest] = [await person(), await person()];
  await register(owner, 'Ida Rhodes', 'ida@example.org');
  await register(guest, 'Ruth Teitelbaum', 'ruth@example.org');
  await makeTeam(owner, 'Orbits');
  await guest.goto(await invite(owner, 'ruth@example.org'));
  await guest.getByRole('button', { name: 'Join the team' }).click();
  await guest.getByText('Welcome to Orbits').waitFor();
  // The news does not get here, nor does the stream: the next thing that is asked is refused.
  await guest.route('**/stream', (route) => route.abort());
  await guest.reload();
  await guest.getByRole('heading', { name: 'Hello, Ruth' }).waitFor();
  await owner.goto('/settings/members');
  await member(owner, 'Ruth Teitelbaum')
    .getByRole('button', { name: 'Remove Ruth Teitelbaum' })
    .click();
  await owner.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await member(owner, 'Ruth Teitelbaum').waitFor({ state: 'detached' });
  const refreshed: string[] = [];
  guest.on('request', (request) => {
    if (request.url().endsWith('/users/refresh')) refreshed.push(request.url());
  });
  await guest.getByRole('link', { name: 'Trash' }).click();
  await guest.getByText('You are no longer a member of Orbits').waitFor();
  await guest.getByRole('heading', { name: 'Hello, Ruth' }).waitFor();
  await guest
    .getByRole('navigation')
    .getByRole('button', { name: 'Ruth Teitelbaum’s team' })
    .waitFor();
  expect(refreshed).toEqual([]);
  await Promise.all([owner, guest].map((page) => page.context().close()));
});

test('whoever has no account makes one with the address filled in, and is in the team', async () => {
  const [owner, guest] = [await person(), await person()];
  await register(owner, 'Mary Jackson', 'mary@example.org');
  await makeTeam(owner, 'Wind tunnel');
  const link = await invite(owner, 'dorothy@example.org', 'Admin');
  await guest.goto(link);
  await guest.getByText('This invitation is for dorothy@example.org.').waitFor();
  await guest.getByRole('button', { name: 'Create an account' }).click();
  expect(await guest.getByLabel('Email').inputValue()).toBe('dorothy@example.org');
  await fillAccount(guest, 'Dorothy Vaughan');
  await guest.getByText('Welcome to Wind tunnel').waitFor();
  await guest.getByRole('navigation').getByRole('button', { name: 'Wind tunnel' }).waitFor();
  await guest.goto(link);
  await guest.getByRole('heading', { name: 'This invitation is not valid any more' }).waitFor();
  await Promise.all([owner, guest].map((page) => page.context().close()));
});

test('an invitation for another address says so, and leads to the right account', async () => {
  const [owner, guest, maker] = [await person(), await person(), await person()];
  await register(owner, 'Annie Easley', 'annie@example.org');
  await register(maker, 'Katherine Johnson', 'katherine@example.org');
  await maker.context().close();
  await register(guest, 'Someone Else', 'else@example.org');
  await makeTeam(owner, 'Orbits');
  await guest.goto(await invite(owner, 'katherine@example.org'));
  await guest.getByText('You are signed in as else@example.org.').waitFor();
  expect(await guest.getByRole('button', { name: 'Join the team' }).count()).toBe(0);
  await guest.getByRole('button', { name: 'Sign in with that address' }).click();
  expect(await guest.getByLabel('Email').inputValue()).toBe('katherine@example.org');
  await prove(guest, 'katherine@example.org');
  await guest.getByText('Welcome to Orbits').waitFor();
  await Promise.all([owner, guest].map((page) => page.context().close()));
});

test('a team is renamed, an invitation is sent again and cancelled, and the team is deleted by its name', async () => {
  const page = await person();
  await register(page, 'Alan Turing', 'alan@example.org');
  await makeTeam(page, 'Hut 8');
  const first = await invite(page, 'joan@example.org');
  await page.getByRole('button', { name: 'Send again: joan@example.org' }).click();
  const second = await page.getByTestId('invitation-link').textContent();
  expect(second).not.toBe(first);
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await page.getByText('ends in').waitFor();
  await page.getByRole('button', { name: 'Cancel the invitation of joan@example.org' }).click();
  await page.getByRole('heading', { name: 'Nobody is invited' }).waitFor();

  await page.goto('/settings/team');
  await page.getByText('You are the last owner.').waitFor();
  expect(await page.getByRole('button', { name: 'Leave…' }).isDisabled()).toBe(true);
  await page.getByLabel('Name', { exact: true }).fill('Hut 6');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('navigation').getByRole('button', { name: 'Hut 6' }).waitFor();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  const last = dialog.getByRole('button', { name: 'Delete for good' });
  expect(await last.isDisabled()).toBe(true);
  await dialog.getByLabel('Enter Hut 6 to confirm').fill('Hut 6');
  await last.click();
  await page.getByText('Deleted Hut 6').waitFor();
  await page.getByRole('navigation').getByRole('button', { name: 'Alan Turing’s team' }).click();
  expect(await page.getByRole('menuitemradio', { name: 'Hut 6' }).count()).toBe(0);
  await page.context().close();
});

test('a switch of the team leaves nothing of the other one on the screen', async () => {
  const page = await person();
  await register(page, 'Hedy Lamarr', 'hedy@example.org');
  await page.getByRole('treeitem', { name: 'Getting started' }).waitFor();
  await makeTeam(page, 'Frequencies');
  await page.getByText('No workspace yet').waitFor();
  expect(await page.getByText('Getting started').count()).toBe(0);
  await page.getByRole('navigation').getByRole('button', { name: 'Frequencies' }).click();
  const choices = page.getByRole('menuitemradio');
  await page.getByRole('menuitemradio', { name: 'Frequencies' }).getByText('Owner').waitFor();
  await choices.filter({ hasText: 'Personal' }).click();
  await page.getByRole('treeitem', { name: 'Getting started' }).waitFor();
  await page.getByRole('link', { name: 'Welcome.md' }).first().waitFor();
  await page.context().close();
});

test('a key that may only read files is made, does that alone, and is revoked', async () => {
  const page = await person();
  await register(page, 'Radia Perlman', 'radia@example.org');
  await page.goto('/settings/api-keys');
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What is it for?').fill('Mirror');
  await dialog.getByRole('radio', { name: 'Only some…' }).click();
  await dialog.getByLabel('Files and versions').click();
  await page.getByRole('option', { name: 'Read', exact: true }).click();
  await dialog.getByLabel('It ends').click();
  await page.getByRole('option', { name: 'In 30 days' }).click();
  await dialog.getByRole('button', { name: 'Create' }).click();
  const key = (await page.getByTestId('api-key').textContent()) ?? '';
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  const row = member(page, 'Mirror');
  await row.getByText('Reads files and versions').waitFor();
  await row.getByText(/ends on \w+ \d+, \d{4}/u).waitFor();

  const ask = async (path: string) =>
    (await fetch(`${server.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${key}` } }))
      .status;
  expect(await ask('files')).toBe(200);
  expect(await ask('workspaces')).toBe(403);
  await row.getByRole('button', { name: 'Revoke: Mirror' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('heading', { name: 'No key yet' }).waitFor();
  expect(await ask('files')).toBe(401);
  await page.context().close();
});
