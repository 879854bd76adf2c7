import { createHash, randomBytes } from 'node:crypto';
import { KyozoError } from '@kyozo/resource';
import bcrypt from 'bcrypt';
import { v7 as uuidv7 } from 'uuid';
import type { AuthQueries } from './auth-database.ts';

export type Person = { id: string; name: string; email: string; emailVerified: boolean };
type Found = Person & { password: string | null };

const cost = 10;
/** bcrypt reads 72 bytes and stops at a NUL; hashing first keeps every character of the password. */
const digest = (password: string) =>
  createHash('sha256').update(password.normalize('NFC')).digest('base64');
export const hashPassword = (password: string): Promise<string> =>
  bcrypt.hash(digest(password), cost);
/** Compared where there is no password, so that its time tells nothing. */
const decoy = hashPassword(randomBytes(32).toString('base64'));

const columns = `u.id, u.name, u.email, u.email_verified as "emailVerified"`;
const joined = `from users u left join accounts a on a.user_id = u.id and a.provider_id = 'credential'`;

/** Who has an address and a password; for a wrong address or password nobody, as late. */
export async function personWith(
  queries: AuthQueries,
  email: string,
  password: string,
): Promise<Person | undefined> {
  const [found] = await queries.query<Found>(
    `select ${columns}, a.password ${joined} where lower(u.email) = $1`,
    [email],
  );
  return checked(found, password);
}

/** The same for somebody who is signed in and proves it once more. @throws KyozoError `unauthenticated` */
export async function provenPerson(
  queries: AuthQueries,
  userId: string,
  password: string,
): Promise<Person> {
  const [found] = await queries.query<Found>(
    `select ${columns}, a.password ${joined} where u.id = $1`,
    [userId],
  );
  const person = await checked(found, password);
  if (person) return person;
  const source = { pointer: '/data/attributes/currentPassword' };
  throw new KyozoError('unauthenticated', 'The password is wrong.', { source });
}

async function checked(found: Found | undefined, password: string): Promise<Person | undefined> {
  const right = await bcrypt.compare(digest(password), found?.password ?? (await decoy));
  if (!found?.password || !right) return undefined;
  const { id, name, email, emailVerified } = found;
  return { id, name, email, emailVerified };
}

/** The person with an id or an address, which is in lower case. */
export async function findPerson(
  queries: AuthQueries,
  by: { id: string } | { email: string },
): Promise<Person | undefined> {
  const [where, value] = 'id' in by ? ['u.id = $1', by.id] : ['lower(u.email) = $1', by.email];
  return (await queries.query<Person>(`select ${columns} from users u where ${where}`, [value]))[0];
}

/** When a person's password was set, which tells one password from the next; empty without one. */
export async function passwordSetAt(queries: AuthQueries, userId: string): Promise<string> {
  const [row] = await queries.query<{ at: string }>(
    `select updated_at::text as at from accounts where user_id = $1 and provider_id = 'credential'`,
    [userId],
  );
  return row?.at ?? '';
}

/** Gives a person a password, the first or another one. `hash` is made before the transaction: it takes long. */
export async function setPassword(
  queries: AuthQueries,
  userId: string,
  hash: string,
): Promise<void> {
  await queries.query(
    `insert into accounts (id, user_id, account_id, provider_id, password) values ($1, $2::uuid, $2::uuid::text, 'credential', $3)
     on conflict (provider_id, account_id) do update set password = excluded.password, updated_at = now()`,
    [uuidv7(), userId, hash],
  );
}
