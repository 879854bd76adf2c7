import { type Actor, KyozoError, resourceOf } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Client, Outcome } from '../actions.ts';
import type { Queue } from '../jobs/queue.ts';
import type { Records } from '../records.ts';
import { slugOf } from '../slug.ts';
import type { AuthDatabase, AuthQueries } from './auth-database.ts';
import type { Authenticator } from './authenticate.ts';
import { remember } from './known-devices.ts';
import { type Person, personWith } from './passwords.ts';
import type { SecondFactors } from './second-factors.ts';
import { openSession } from './sessions.ts';
import type { TokenPair, Tokens } from './tokens.ts';

export type SignInParts = {
  auth: AuthDatabase;
  tokens: Tokens;
  authenticator: Authenticator;
  records: Records;
  secondFactors: SecondFactors;
  queue: Queue;
  confirmation: 'required' | 'optional';
  refreshTtl: number;
};

/** Makes a person's own team, unless there is one. */
export async function foundPersonalTeam(queries: AuthQueries, person: Person): Promise<void> {
  const name = `${person.name}’s team`.slice(0, 200);
  await foundTeam(queries, person.id, name, slugOf(person.name, person.id), true);
}

/** Makes a team with its first owner; answers its id. */
export async function foundTeam(
  queries: AuthQueries,
  person: string,
  name: string,
  slug: string,
  own = false,
): Promise<string> {
  const [row] = await queries.query<{ id: string }>(
    'select found_team($1, $2, $3, $4, $5, $6) as id',
    [person, uuidv7(), uuidv7(), name, slug, own],
  );
  return row!.id;
}

/** What all ways of signing in have in common, once it is known who it is. */
export class SignIn {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /**
   * Who has an address, which is in lower case, and its password, and has confirmed the address where
   * that is required. The answer does not tell which of these is missing, nor does its time: else
   * whoever registers with an address and signs in would learn whether it was free. A job mails a new
   * confirmation if only that is missing.
   * @throws KyozoError `unauthenticated`
   */
  async personWith(email: string, password: string): Promise<Person> {
    const { auth, queue, confirmation } = this.#parts;
    const person = await personWith(auth, email, password);
    if (person && this.#isConfirmed(person)) return person;
    if (confirmation === 'optional')
      throw new KyozoError('unauthenticated', 'The address or the password is wrong.');
    const isDue = person !== undefined;
    await queue.add('mail-person', { kind: 'confirmation', email, isDue });
    throw new KyozoError(
      'unauthenticated',
      'The address or the password is wrong, or the address is not confirmed yet: look for our mail and open its link.',
    );
  }

  /**
   * What still stands between a person and a session: an address to confirm, a second factor. Asked
   * only of whoever has proven the first factor.
   */
  async mayEnter(person: Person, code: string | undefined, client: Client): Promise<void> {
    this.mustBeConfirmed(person);
    await this.#parts.secondFactors.check(person, code, client);
  }

  /**
   * For whoever is known by something that nobody can make for another's address.
   * @throws KyozoError `forbidden`
   */
  mustBeConfirmed(person: Person): void {
    if (!this.#isConfirmed(person))
      throw new KyozoError(
        'forbidden',
        'Confirm your address first: open the link in the mail that was sent to it.',
      );
  }

  #isConfirmed({ emailVerified }: Person): boolean {
    return emailVerified || this.#parts.confirmation === 'optional';
  }

  /** Opens a session and answers the person with a pair of tokens. */
  async open(person: Person, client: Client, proven = true): Promise<Outcome> {
    const { auth, tokens, refreshTtl } = this.#parts;
    await foundPersonalTeam(auth, person);
    const { sessionId, pair } = await auth.transaction(async (queries) => {
      await remember(queries, person.id, client);
      const opened = await openSession(queries, person.id, client, refreshTtl, proven);
      return { sessionId: opened, pair: await tokens.issue(person.id, opened, queries) };
    });
    return this.answer(person.id, sessionId, pair);
  }

  /** The person, as their session sees them, with the pair as meta. */
  async answer(userId: string, sessionId: string, meta: TokenPair | object): Promise<Outcome> {
    const actor = await this.#parts.authenticator.standing(userId, sessionId);
    return { ...(await this.show(actor)), meta: { ...meta }, actor };
  }

  /** The acting person's own record. */
  async show(actor: Actor): Promise<Outcome> {
    const { records } = this.#parts;
    return { row: await records.one(actor, resourceOf(records.known, 'users'), actor.userId) };
  }
}

/**
 * Who a person is, they alone change, signed in: no key of theirs may. The actor is a claim that only
 * the server's statements check, and these changes are made by the auth role's: so it is checked here.
 * In a transaction the session cannot end before that does.
 */
export async function mustBeSession(queries: AuthQueries, actor: Actor): Promise<void> {
  if (actor.credential.kind !== 'session')
    throw new KyozoError('forbidden', 'An API key may not do this; sign in.');
  const standing = await queries.query(
    'select 1 from sessions where id = $1 and user_id = $2 and expires_at > now() for key share',
    [actor.credential.id, actor.userId],
  );
  if (standing.length === 0) throw new KyozoError('unauthenticated', 'The session has ended.');
}
