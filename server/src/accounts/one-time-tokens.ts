import { createHash, randomBytes } from 'node:crypto';
import type { AuthQueries } from './auth-database.ts';
import type { Person } from './passwords.ts';

export type TokenKind = 'confirmation' | 'email-change' | 'reset' | 'magic-link' | 'provider';
export type Held = { kind: TokenKind; email: string; person: Person };

/** Seconds that a token is good for. */
export const lifetimes: Record<TokenKind, number> = {
  confirmation: 3 * 86_400,
  'email-change': 3 * 86_400,
  reset: 3_600,
  'magic-link': 600,
  provider: 300,
};

export const tokenKinds = Object.keys(lifetimes) as TokenKind[];

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** A new token for a person; only its hash is kept. */
export async function mintToken(
  queries: AuthQueries,
  kind: TokenKind,
  userId: string,
  email: string,
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await queries.query(
    `insert into one_time_tokens (hash, kind, user_id, email, expires_at)
     values ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
    [sha256(token), kind, userId, email, lifetimes[kind]],
  );
  return token;
}

const columns = `t.kind, t.email, u.id, u.name, u.email as current, u.email_verified`;
/** A token ends with its time, and with the address that it was sent to. */
const valid = `t.hash = $1 and t.kind = any($2) and t.expires_at > now() and u.id = t.user_id
  and (t.kind = 'email-change' or lower(u.email) = t.email)`;

type Row = {
  kind: TokenKind;
  email: string;
  id: string;
  name: string;
  current: string;
  email_verified: boolean;
};
const heldOf = (row: Row): Held => ({
  kind: row.kind,
  email: row.email,
  person: { id: row.id, name: row.name, email: row.current, emailVerified: row.email_verified },
});

/** Whose a token is, without using it. */
export async function lookAtToken(
  queries: AuthQueries,
  token: string,
  ...kinds: TokenKind[]
): Promise<Held | undefined> {
  const [row] = await queries.query<Row>(
    `select ${columns} from one_time_tokens t, users u where ${valid}`,
    [sha256(token), kinds],
  );
  return row && heldOf(row);
}

/** Uses a token: of any number at once one gets it. */
export async function useToken(
  queries: AuthQueries,
  token: string,
  ...kinds: TokenKind[]
): Promise<Held | undefined> {
  const [row] = await queries.query<Row>(
    `delete from one_time_tokens t using users u where ${valid} returning ${columns}`,
    [sha256(token), kinds],
  );
  return row && heldOf(row);
}

/** Makes a person's tokens of these kinds void. */
export async function voidTokens(
  queries: AuthQueries,
  userId: string,
  ...kinds: TokenKind[]
): Promise<void> {
  await queries.query('delete from one_time_tokens where user_id = $1 and kind = any($2)', [
    userId,
    kinds,
  ]);
}
