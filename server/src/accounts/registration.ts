import { KyozoError } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Outcome } from '../actions.ts';
import type { Queue } from '../jobs/queue.ts';
import type { AuthDatabase, AuthQueries } from './auth-database.ts';
import { findPerson, type Person, setPassword } from './passwords.ts';
import { foundPersonalTeam } from './sign-in.ts';

/** Thrown to undo a transaction that was made for its time alone. */
class Undone extends Error {}

/** Makes a person with a password and a team. @throws KyozoError `conflict` where somebody has the address */
export async function found(
  queries: AuthQueries,
  queue: Queue,
  person: Person,
  hash: string,
): Promise<void> {
  const { id, name, email } = person;
  await queries.query('insert into users (id, name, email) values ($1, $2, $3)', [id, name, email]);
  await setPassword(queries, id, hash);
  await foundPersonalTeam(queries, person);
  await queue.add('mail-person', { kind: 'confirmation', email }, queries);
}

/**
 * The same where an address must be confirmed first. Nobody learns here whether somebody has it: then as
 * much is done and undone, and the address is mailed that it has an account.
 */
export async function foundOrMail(
  auth: AuthDatabase,
  queue: Queue,
  person: Person,
  hash: string,
): Promise<void> {
  const isTaken = (await findPerson(auth, { email: person.email })) !== undefined;
  const shown = isTaken ? { ...person, email: `${uuidv7()}@nobody.invalid` } : person;
  try {
    await auth.transaction(async (queries) => {
      await found(queries, queue, shown, hash);
      if (isTaken) throw new Undone();
    });
    return;
  } catch (error) {
    // Of several at once one makes the account.
    const isClash = error instanceof KyozoError && error.code === 'conflict';
    if (!isClash && !(error instanceof Undone)) throw error;
  }
  await queue.add('mail-person', { kind: 'registration', email: person.email });
}

/** What registration answers to whoever has to confirm the address first: all that they have given. */
export function unconfirmed({ id, name, email }: Person): Outcome {
  const now = new Date().toISOString();
  const attributes = {
    ...{ name, email, emailVerified: false, twoFactorEnabled: false, image: null },
    ...{ insertedAt: now, updatedAt: now },
  };
  // Nothing is read for it: whoever answers acts in no session, since there is none.
  const actor = {
    ...{ userId: id, teamId: id, role: 'owner' as const, scopes: ['write'] },
    credential: { kind: 'session' as const, id },
  };
  return {
    row: {
      ...{ id, version: '0', attributes: JSON.stringify(attributes) },
      ...{ keys: {}, sortValues: [], parent: null, beside: {} },
    },
    ...{ actor, status: 201, meta: { confirmation: 'required' } },
  };
}
