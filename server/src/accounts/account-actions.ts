import { invalid, KyozoError, notFound } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Call, Performers, PublicPerformer } from '../actions.ts';
import type { Queue } from '../jobs/queue.ts';
import type { Post } from '../jobs/tasks/send-mail.ts';
import type { Mail } from '../mail/mail.ts';
import { addressOf } from './address.ts';
import type { AuthDatabase, AuthQueries } from './auth-database.ts';
import type { Guesses } from './guesses.ts';
import { forgetDevices } from './known-devices.ts';
import type { Notices } from './notices.ts';
import {
  type Held,
  lookAtToken,
  type TokenKind,
  tokenKinds,
  useToken,
  voidTokens,
} from './one-time-tokens.ts';
import {
  hashPassword,
  type Person,
  passwordSetAt,
  provenPerson,
  setPassword,
} from './passwords.ts';
import { found, foundOrMail, unconfirmed } from './registration.ts';
import type { SecondFactors } from './second-factors.ts';
import { endSession, endSessions } from './sessions.ts';
import { mustBeSession, type SignIn } from './sign-in.ts';
import type { Remains } from './teams.ts';
import type { Tokens } from './tokens.ts';

export type AccountParts = {
  auth: AuthDatabase;
  tokens: Tokens;
  signIn: SignIn;
  guesses: Guesses;
  queue: Queue;
  post: Post;
  notices: Notices;
  secondFactors: SecondFactors;
  /** Closes what is open of a team that is no more. */
  ended(remains: Remains): Promise<void>;
  confirmation: 'required' | 'optional';
  magicLink: boolean;
};

const deadLink = () =>
  invalid('This link has been used, or its time is over.', { pointer: '/data/attributes/token' });
const badToken = () => new KyozoError('unauthenticated', 'The token is not valid.');

/** Making an account, proving who one is by a password or a mail, and changing both. */
export function accountPerformers(parts: AccountParts): Performers {
  const { auth, tokens, signIn, guesses, queue, post } = parts;

  /** What is always answered alike: a job finds out whether there is reason for a mail. */
  const mailTo =
    (kind: 'confirmation' | 'reset' | 'magic-link'): PublicPerformer =>
    async ({ input, client }) => {
      if (kind === 'magic-link') mustBeOn(parts.magicLink);
      const email = addressOf(input.arguments.email);
      const fromKnown = await guesses.mail(email, client);
      await queue.add('mail-person', { kind, email, fromKnown });
      return {};
    };

  /** Signs in by a token, which is used last: a code that is missing or wrong leaves it good. */
  const byToken = (kind: TokenKind, verifies: boolean): PublicPerformer => {
    return ({ input, client }) =>
      guesses.holding(client, async () => {
        const { token, code } = input.arguments as { token: string; code?: string };
        const held = await lookAtToken(auth, token, kind);
        if (!held) throw badToken();
        const person = verifies ? { ...held.person, emailVerified: true } : held.person;
        await signIn.mayEnter(person, code, client);
        await auth.transaction(async (queries) => {
          if (!(await useToken(queries, token, kind))) throw badToken();
          if (verifies) await proveAddress(queries, held);
        });
        return signIn.open(person, client);
      });
  };

  return {
    async 'users.register'({ input, client }: Call) {
      await guesses.registration(client);
      const { name, password } = input.arguments as Record<string, string>;
      const email = addressOf(input.arguments.email);
      const hash = await hashPassword(password!);
      const person = { id: uuidv7(), name: name!.trim(), email, emailVerified: false };
      if (parts.confirmation === 'optional') {
        await auth.transaction((queries) => found(queries, queue, person, hash));
        return { ...(await signIn.open(person, client)), status: 201 };
      }
      await foundOrMail(auth, queue, person, hash);
      return unconfirmed(person);
    },

    async 'users.sign-in'({ input, client }: Call) {
      const { password, code } = input.arguments as { password: string; code?: string };
      const email = addressOf(input.arguments.email);
      return guesses.proving(email, { client }, async () => {
        const person = await signIn.personWith(email, password);
        await signIn.mayEnter(person, code, client);
        return signIn.open(person, client);
      });
    },

    async 'users.refresh'({ input, client }: Call) {
      const refreshToken = input.arguments.refreshToken as string;
      const { userId, sessionId, pair } = await tokens.refresh(refreshToken, client);
      return signIn.answer(userId, sessionId, pair);
    },

    async 'users.sign-out'({ actor }: Call) {
      await mustBeSession(auth, actor);
      await endSession(auth, actor.userId, actor.credential.id);
      return {};
    },

    'users.send-confirmation': mailTo('confirmation'),
    'users.forgot-password': mailTo('reset'),
    'users.magic-link': mailTo('magic-link'),
    'users.magic-link-sign-in': async (call: Call) => {
      mustBeOn(parts.magicLink);
      return byToken('magic-link', true)(call);
    },
    'users.oauth-sign-in': byToken('provider', false),

    async 'users.confirm'({ input, client }: Call) {
      const token = input.arguments.token as string;
      const confirm = async (queries: AuthQueries) => {
        const held = await useToken(queries, token, 'confirmation', 'email-change');
        if (!held) throw deadLink();
        if (held.kind === 'confirmation') return confirmAddress(queries, held.person);
        await changeAddress(parts.notices, queries, held);
        await post(changedAddress(held), queries);
      };
      await guesses.holding(client, () => auth.transaction(confirm));
      return {};
    },

    async 'users.reset-password'({ input, client }: Call) {
      const { token, password } = input.arguments as { token: string; password: string };
      await guesses.holding(client, async () => {
        // Before the hash, which takes its time: whoever makes tokens up costs us nothing.
        if (!(await lookAtToken(auth, token, 'reset'))) throw deadLink();
        const hash = await hashPassword(password);
        await auth.transaction(async (queries) => {
          const held = await useToken(queries, token, 'reset');
          if (!held) throw deadLink();
          await proveAddress(queries, held);
          await replacePassword(parts.notices, queries, held.person.id, hash, input.arguments);
        });
      });
      return {};
    },

    async 'users.change-password'({ actor, input, client }: Call) {
      await mustBeSession(auth, actor);
      const { currentPassword, password } = input.arguments as Record<string, string>;
      const person = await proven(parts, { actor }, currentPassword!);
      const hash = await hashPassword(password!);
      // Where a second factor is on, the password was half of a proof.
      const whole = !(await parts.secondFactors.isOn(person.id));
      await auth.transaction((queries) =>
        replacePassword(parts.notices, queries, person.id, hash, input.arguments),
      );
      return signIn.open(person, client, whole);
    },

    async 'users.change-email'({ actor, input, client }: Call) {
      await mustBeSession(auth, actor);
      const email = addressOf(input.arguments.email);
      const person = await proven(parts, { actor }, input.arguments.currentPassword as string);
      await guesses.mail(email, client);
      await auth.transaction(async (queries) => {
        const passwordOf = await passwordSetAt(queries, person.id);
        await queue.add(
          'mail-person',
          { kind: 'email-change', userId: person.id, email, passwordOf },
          queries,
        );
        await post(addressToChange(person, email), queries);
      });
      return {};
    },

    async 'users.delete-account'({ actor, input }: Call) {
      await mustBeSession(auth, actor);
      const person = await proven(parts, { actor }, input.arguments.currentPassword as string);
      const buried = await auth.transaction(async (queries) => {
        const [row] = await queries.query<{ remains: Remains[] | null }>(
          'select delete_person($1) as remains',
          [person.id],
        );
        for (const { teamId, workspaces } of row!.remains ?? [])
          await queue.add('remove-team', { teamId, workspaces }, queries);
        return row!.remains;
      });
      if (!buried)
        throw new KyozoError(
          'conflict',
          'You are the only owner of a team that has other members: give it another owner, or delete it.',
        );
      for (const remains of buried) await parts.ended(remains);
      return {};
    },
  };
}

/** The acting person, after they have given their password once more; misses count for the session. */
export async function proven(
  { auth, guesses }: Pick<AccountParts, 'auth' | 'guesses'>,
  { actor }: Pick<Call, 'actor'>,
  currentPassword: string,
): Promise<Person> {
  return guesses.proving('', { session: actor.credential.id }, () =>
    provenPerson(auth, actor.userId, currentPassword),
  );
}

function mustBeOn(on: boolean): void {
  if (!on) throw notFound('There is nothing at this address.');
}

/** What goes with an old password unless it is said to stay. */
type Revoked = { revokeApiKeys?: boolean; revokePasskeys?: boolean; revokeProviders?: boolean };

/**
 * Somebody may have come in by the old password, or by the mailbox, and have left a way back: whatever
 * signs in beside the password ends with it. A second factor stays: who resets it by a mailbox alone
 * would make it none.
 */
async function replacePassword(
  notices: Notices,
  queries: AuthQueries,
  userId: string,
  hash: string,
  { revokeApiKeys, revokePasskeys, revokeProviders }: Revoked,
): Promise<void> {
  await setPassword(queries, userId, hash);
  await endSessions(queries, userId);
  await forgetDevices(queries, userId);
  await voidTokens(queries, userId, 'reset', 'magic-link', 'email-change', 'provider');
  if (revokePasskeys !== false)
    await queries.query('delete from passkeys where user_id = $1', [userId]);
  if (revokeProviders !== false)
    await queries.query(`delete from accounts where user_id = $1 and provider_id <> 'credential'`, [
      userId,
    ]);
  if (revokeApiKeys !== false) await queries.query('select revoke_keys($1)', [userId]);
  await notices.tell(queries, userId, 'security.password-changed', {
    apiKeysRevoked: revokeApiKeys !== false,
  });
}

const confirmAddress = (queries: AuthQueries, { id, email }: Person) =>
  queries.query('select prove_address($1, $2)', [id, email]).then(() => undefined);

/**
 * Somebody has shown that the mailbox is theirs, without the password. If the address was never
 * confirmed before, whoever registered it may have been somebody else, waiting for its owner to come
 * (pre-hijacking). What they could come back by goes: password, passkeys, linked accounts, keys, and
 * links that lie in a mailbox of theirs. So does a second factor, which would lock the owner out.
 */
async function proveAddress(queries: AuthQueries, { person }: Held): Promise<void> {
  if (person.emailVerified) return;
  await endSessions(queries, person.id);
  await forgetDevices(queries, person.id);
  await voidTokens(queries, person.id, ...tokenKinds);
  await queries.query('delete from accounts where user_id = $1', [person.id]);
  await queries.query('delete from passkeys where user_id = $1', [person.id]);
  await queries.query('delete from second_factors where user_id = $1', [person.id]);
  await queries.query('select revoke_keys($1)', [person.id]);
  await confirmAddress(queries, person);
}

async function changeAddress(
  notices: Notices,
  queries: AuthQueries,
  { person, email }: Held,
): Promise<void> {
  await queries.query('select prove_address($1, $2)', [person.id, email]);
  await voidTokens(queries, person.id, 'reset', 'magic-link', 'confirmation', 'email-change');
  await notices.tell(queries, person.id, 'security.email-changed', {
    from: person.email,
    to: email,
  });
}

const changedAddress = ({ person, email }: Held): Mail => ({
  to: person.email,
  subject: 'Your address has been changed',
  paragraphs: [
    `Your account at Kyozo Store now has the address ${email}; this one is no longer used.`,
    'If you did not do this, somebody else has your password: write to whoever runs this server.',
  ],
});

const addressToChange = (person: Person, email: string): Mail => ({
  to: person.email,
  subject: 'Your address is to be changed',
  paragraphs: [
    `Somebody who knows your password asked to use the address ${email} for your account at Kyozo Store. It becomes true when it is confirmed there.`,
    'If it was not you, change your password now.',
  ],
});
