import { createHmac } from 'node:crypto';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { fillAccount, home, newPerson, password, prove, register, signIn } from './person.ts';
import { delaysEvery, prepareReloads, reloadTwice } from './reloads.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let strict: Server;
let browser: Browser;

beforeAll(async () => {
  [server, strict, browser] = await Promise.all([
    startServer(),
    startServer({ AUTH_CONFIRMATION: 'required', AUTH_MAGIC_LINK: 'true' }),
    launchBrowser(),
  ]);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), strict?.stop()]);
});

const person = () => newPerson(browser, server.url);
const other = 'another horse battery staple';

test('an account is confirmed by mail before it signs in, and is furnished when it does', async () => {
  const page = await newPerson(browser, strict.url);
  await page.goto('/sign-up');
  await page.getByLabel('Email').fill('ada@example.org');
  await fillAccount(page, 'Ada Lovelace');
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor();
  await page.goto('/sign-in');
  await prove(page, 'ada@example.org');
  await page.getByText('Its address must be confirmed first.').waitFor();
  await page.getByRole('button', { name: 'Send it again' }).click();
  await page.getByText('If this address waits to be confirmed').waitFor();

  const link = await strict.linkMailed('ada@example.org', 'Confirm your address');
  await page.goto(link);
  await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await prove(page, 'ada@example.org');
  await home(page);
  await page.getByRole('treeitem', { name: 'Getting started' }).waitFor();

  await page.goto(link);
  await page.getByRole('heading', { name: 'This link does not work any more' }).waitFor();

  // The same person, by a link instead of the password.
  const again = await newPerson(browser, strict.url);
  await again.goto('/sign-in');
  await again.getByLabel('Email').fill('ada@example.org');
  await again.getByRole('button', { name: 'Mail me a link to sign in' }).click();
  await again.goto(await strict.linkMailed('ada@example.org', 'Sign in to Kyozo Store'));
  await home(again);
  await Promise.all([page, again].map((each) => each.context().close()));
});

test('a forgotten password is set anew by mail; the old one is dead', async () => {
  const [page, elsewhere] = [await person(), await person()];
  await register(page, 'Grace Hopper', 'grace@example.org');
  await elsewhere.goto('/sign-in');
  await prove(elsewhere, 'grace@example.org', 'not the password at all');
  await elsewhere.getByText('Email and password do not match an account.').waitFor();
  await elsewhere.getByRole('link', { name: 'Forgot your password?' }).click();
  // What was typed is still there.
  expect(await elsewhere.getByLabel('Email').inputValue()).toBe('grace@example.org');
  await elsewhere.getByRole('button', { name: 'Send the link' }).click();
  await elsewhere.getByRole('heading', { name: 'Check your mail' }).waitFor();
  await elsewhere.goto(await server.linkMailed('grace@example.org', 'Reset your password'));
  await elsewhere.getByLabel('New password').fill(other);
  await elsewhere.getByRole('button', { name: 'Set the password' }).click();
  await elsewhere.getByRole('link', { name: 'Sign in' }).click();
  await prove(elsewhere, 'grace@example.org', password);
  await elsewhere.getByText('Email and password do not match an account.').waitFor();
  await prove(elsewhere, 'grace@example.org', other);
  await home(elsewhere);
  // The session that was open has ended.
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in to Kyozo' }).waitFor();
  await Promise.all([page, elsewhere].map((each) => each.context().close()));
});

test('a second factor is set up, asked for, stood in for by a recovery code, and turned off', async () => {
  const [page, elsewhere] = [await person(), await person()];
  await register(page, 'Alan Turing', 'alan@example.org');
  await page.goto('/settings/security');
  await page.getByRole('button', { name: 'Set up' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password').fill('wrong password');
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByText('The password is wrong.').waitFor();
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor();
  const secret = (await dialog.getByTestId('totp-secret').textContent()) ?? '';
  await dialog.getByLabel('Code', { exact: true }).fill(codeOf(secret));
  await dialog.getByRole('button', { name: 'Turn on' }).click();
  await dialog.getByTestId('recovery-codes').getByRole('listitem').first().waitFor();
  const codes = await dialog.getByTestId('recovery-codes').getByRole('listitem').allTextContents();
  expect(codes).toHaveLength(10);
  await dialog.getByRole('button', { name: 'I have kept them' }).click();
  expect(await page.content()).not.toContain(codes[0]);
  await page.getByRole('button', { name: 'Turn off' }).waitFor();

  await elsewhere.goto('/sign-in');
  await prove(elsewhere, 'alan@example.org');
  await elsewhere.getByRole('heading', { name: 'Enter your code' }).waitFor();
  await elsewhere.getByLabel('Code').fill('000000');
  await elsewhere.getByRole('button', { name: 'Sign in' }).click();
  await elsewhere.getByText('This code is wrong or was used before.').waitFor();
  // Each code is good once, and that of the next half minute counts already.
  await elsewhere.getByLabel('Code').fill(codeOf(secret, 1));
  await elsewhere.getByRole('button', { name: 'Sign in' }).click();
  await home(elsewhere);

  const third = await person();
  await third.goto('/sign-in');
  await prove(third, 'alan@example.org');
  await third.getByLabel('Code').fill(codes[3]!);
  await third.getByRole('button', { name: 'Sign in' }).click();
  await home(third);

  await page.getByRole('button', { name: 'Turn off' }).click();
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByLabel('Code', { exact: true }).fill(codes[4]!);
  await dialog.getByRole('button', { name: 'Turn off' }).click();
  await page.getByRole('button', { name: 'Set up' }).waitFor();
  await Promise.all([page, elsewhere, third].map((each) => each.context().close()));
});

test('sessions are seen, ended elsewhere, and a change of the password ends the others', async () => {
  const [page, second, third] = [await person(), await person(), await person()];
  await register(page, 'Mary Jackson', 'mary@example.org');
  for (const each of [second, third]) await signIn(each, 'mary@example.org');
  await page.goto('/settings/security');
  const rows = page.getByRole('region', { name: 'Sessions' }).getByRole('listitem');
  await expect.poll(() => rows.count()).toBe(3);
  expect(await rows.first().textContent()).toContain('This device');
  expect(await rows.first().textContent()).toContain('Chrome on Linux');
  await rows
    .last()
    .getByRole('button', { name: /^End the session/u })
    .click();
  await expect.poll(() => rows.count()).toBe(2);
  // Of the two others the one that was used last stands above.
  await second.reload();
  await second.getByRole('heading', { name: 'Sign in to Kyozo' }).waitFor();
  await third.reload();
  await home(third);

  await page.getByRole('button', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByLabel('New password').fill(other);
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Password changed.').waitFor();
  await expect.poll(() => rows.count()).toBe(1);
  await third.reload();
  await third.getByRole('heading', { name: 'Sign in to Kyozo' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Security' }).waitFor();
  await Promise.all([page, second, third].map((each) => each.context().close()));
});

test('a passkey is added, renamed, signs in without password, and is removed', async () => {
  const page = await person();
  await addAuthenticator(page);
  await register(page, 'Hedy Lamarr', 'hedy@example.org');
  await page.goto('/settings/security');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('dialog').getByLabel('What do you call this device?').fill('Laptop');
  await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Rename: Laptop' }).click();
  await page.getByLabel('New name of Laptop').fill('Work laptop');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Rename: Work laptop' }).waitFor();

  await page.goto('/settings/profile');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.goto('/settings/security');
  await page.getByText('last used just now').first().waitFor();
  await page.getByRole('button', { name: 'Remove: Work laptop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No passkey yet.').waitFor();
  await page.context().close();
});

test('an address is changed by its mail, news of the account is read, and the account is deleted', async () => {
  const page = await person();
  await register(page, 'Annie Easley', 'annie@example.org');
  await page.goto('/settings/security');
  await page.getByRole('button', { name: 'Change email' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('New email').fill('easley@example.org');
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByRole('button', { name: 'Send the link' }).click();
  await page.getByText('We sent a link to easley@example.org.').waitFor();
  await page.goto(await server.linkMailed('easley@example.org', 'Confirm your new address'));
  await page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();

  await page.goto('/notifications');
  const news = page.getByRole('link', { name: 'The address of your account was changed.' });
  await news.focus();
  await page.keyboard.press('Delete');
  await news.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await news.waitFor();
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await page.getByText('You have read everything.').waitFor();
  await page.getByRole('region', { name: 'Earlier' }).getByRole('link').click();
  await page.getByText('easley@example.org').waitFor();

  await page.goto('/settings/profile');
  await page.getByRole('button', { name: 'Delete my account…' }).click();
  await dialog.getByLabel('Enter easley@example.org to confirm').fill('easley@example.org');
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByRole('button', { name: 'Delete my account' }).click();
  await page.getByRole('heading', { name: 'Sign in to Kyozo' }).waitFor();
  await prove(page, 'easley@example.org');
  await page.getByText('Email and password do not match an account.').waitFor();
  await page.context().close();
});

test('C1 two quick reloads, in one tab and in two, never sign out and never alarm', async () => {
  const page = await person();
  await prepareReloads(page.context());
  await register(page, 'Radia Perlman', 'radia@example.org');
  await reloadTwice([page], delaysEvery(50));
  const second = await page.context().newPage();
  await second.goto('/');
  await reloadTwice([page, second], delaysEvery(50));
  await page.context().close();
});

test('C1 tabs share one refresh, and no failure on the way to it signs anybody out', async () => {
  const page = await person();
  const asked: string[] = [];
  let used = '';
  page.context().on('request', (request) => {
    if (request.url().endsWith('/users/refresh')) asked.push(request.url());
    used = request.headers().authorization ?? used;
  });
  await register(page, 'Barbara Liskov', 'liskov@example.org');
  const failures = [
    (route: Route) => route.abort(),
    (route: Route) => route.fulfill({ status: 502, body: 'Bad gateway' }),
    (route: Route) => route.fulfill({ status: 403, body: 'Pay for this network' }),
    (route: Route) => route.fulfill({ status: 200, body: '<html>' }),
  ];
  for (const failure of failures) {
    await page.route('**/users/refresh', failure);
    await page.reload();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await page.unroute('**/users/refresh');
    await page.getByRole('button', { name: 'Try again' }).click();
    await home(page);
  }
  const second = await page.context().newPage();
  await second.goto('/');
  await home(second);
  // The token that the second tab got, which both have now, is over at the same moment.
  const tabs = [page, second];
  const over = used;
  await page.context().route('**/api/v1/files?*', (route) => {
    const isOver = route.request().headers().authorization === over;
    const refusal = { status: 401, json: { errors: [{ status: '401' }] } };
    return isOver ? route.fulfill(refusal) : route.continue();
  });
  asked.length = 0;
  await Promise.all(tabs.map((tab) => tab.getByRole('link', { name: 'Trash' }).click()));
  await Promise.all(tabs.map((tab) => tab.getByText('The trash is empty').waitFor()));
  expect(asked).toHaveLength(1);
  await page.context().close();
});

test('B1 what takes a fresh proof asks for the password in between, and then goes on', async () => {
  const page = await person();
  await register(page, 'Karen Jones', 'karen@example.org');
  await page.goto('/settings/api-keys');
  // As the server answers five minutes later; its own answer is asked for in its own tests.
  const refusal = { status: 403, json: { errors: [{ status: '403', code: 'proof_required' }] } };
  await page.route('**/api/v1/api-keys', (route) => route.fulfill(refusal), { times: 2 });
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('What is it for?').fill('Backups');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Show that it is you' });
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByText('it takes your password').waitFor();
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await dialog.getByLabel('Current password').fill('a wrong guess');
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByText('The password is wrong.').waitFor();
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await page.getByTestId('api-key').waitFor();
  await page.context().close();
});

/** A code of RFC 6238, as an app on a phone shows it; `steps` of thirty seconds away. */
function codeOf(secret: string, steps = 0): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((each) => alphabet.indexOf(each).toString(2).padStart(5, '0'));
  const bytes = bits.join('').match(/.{8}/gu)!;
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const key = Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
  const hash = createHmac('sha1', key).update(counter).digest();
  const at = hash.at(-1)! & 15;
  return String((hash.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

/** A device that says yes to every question about passkeys. */
async function addAuthenticator(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
