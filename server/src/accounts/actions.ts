import { type Actor, KyozoError, resourceOf } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Call, Outcome, Performers } from '../actions.ts';
import type { Records } from '../records.ts';
import { slugOf } from '../slug.ts';
import type { Authenticator } from './authenticate.ts';
import { codeOf, failedToCreate, fromIdentity, type Identity } from './identity.ts';
import type { TokenPair, Tokens } from './tokens.ts';

export type Accounts = {
  /** The auth role's way to the database, for the team that registration founds. */
  found(person: string, name: string, slug: string, own: boolean): Promise<string>;
  identity: Identity;
  tokens: Tokens;
  authenticator: Authenticator;
  records: Records;
  /** Called once for a new account, with the actor in its personal team. */
  welcome(actor: Actor): Promise<void>;
};

/** The actions of accounts and teams that are more than one change of one row. */
export function accountPerformers(accounts: Accounts): Performers {
  const { identity, tokens, authenticator, records } = accounts;
  const users = resourceOf(records.known, 'users');

  async function answer(userId: string, sessionId: string, pair: TokenPair): Promise<Outcome> {
    const actor = await authenticator.session(userId, sessionId);
    if (!actor) throw new KyozoError('unauthenticated', 'The session has ended.');
    return { row: await records.one(actor, users, userId), meta: { ...pair }, actor };
  }

  async function open(user: { id: string; name: string }, sessionToken: string): Promise<Outcome> {
    await accounts.found(user.id, `${user.name}’s team`.slice(0, 200), personalSlug(user), true);
    const session = await (await identity.$context).internalAdapter.findSession(sessionToken);
    if (!session) throw new KyozoError('unknown', 'The session was not made.');
    const pair = await tokens.issue(user.id, session.session.id);
    return answer(user.id, session.session.id, pair);
  }

  return {
    async 'users.register'({ input }: Call) {
      const { name, email, password } = input.arguments as Record<string, string>;
      const body = { name: name!.trim(), email: email!, password: password! };
      const signUp = () => identity.api.signUpEmail({ body });
      // Of two at once the later one breaks the unique address; asked again, better-auth sees it is taken.
      const made = await signUp()
        .catch((error: unknown) =>
          codeOf(error) === failedToCreate ? signUp() : fromIdentity(error),
        )
        .catch(fromIdentity);
      const outcome = await open(made.user, made.token!);
      await accounts.welcome(outcome.actor!);
      return { ...outcome, status: 201 };
    },

    async 'users.sign-in'({ input }: Call) {
      const { email, password } = input.arguments as Record<string, string>;
      const { user, token } = await identity.api
        .signInEmail({ body: { email: email!, password: password! } })
        .catch(fromIdentity);
      return open(user, token);
    },

    async 'users.refresh'({ input }: Call) {
      const { userId, sessionId, pair } = await tokens.refresh(
        input.arguments.refreshToken as string,
      );
      return answer(userId, sessionId, pair);
    },

    async 'users.sign-out'({ actor }: Call) {
      if (actor.credential.kind !== 'session') {
        throw new KyozoError('forbidden', 'An API key is revoked, not signed out.');
      }
      await tokens.end(actor.credential.id);
      return {};
    },

    async 'teams.create'({ actor, input }: Call) {
      if (actor.credential.kind !== 'session') {
        throw new KyozoError('forbidden', 'Only a signed-in person makes a team.');
      }
      const name = input.values.name as string;
      const slug = (input.values.slug as string | undefined) ?? slugOf(name, uuidv7());
      const id = await accounts.found(actor.userId, name, slug, false);
      const own = (await authenticator.session(actor.userId, actor.credential.id, id))!;
      return { row: await records.one(own, resourceOf(records.known, 'teams'), id), actor: own };
    },
  };
}

const personalSlug = (user: { id: string; name: string }) => slugOf(user.name, user.id);
