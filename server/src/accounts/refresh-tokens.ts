import { createHash, randomBytes } from 'node:crypto';
import type { Client } from '../actions.ts';
import { seal, unseal } from '../sealed.ts';
import type { AuthQueries } from './auth-database.ts';
import { networkOf } from './limits.ts';

/** Seconds in which a token may be used a second time, by a client that did not get or keep the answer. */
const grace = 30;

/** A session as the family of its tokens. */
export type Family = {
  id: string;
  user_id: string;
  ip_address: string | null;
  user_agent: string | null;
};
/** What becomes of a token that somebody shows. */
export type Use = 'trade' | 'repeat' | 'refuse' | 'end';

type Kept = {
  used: boolean;
  recent: boolean | null;
  expired: boolean;
  used_by: Buffer | null;
  sealed_pair: Buffer | null;
};

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const placeOf = ({ ip, userAgent }: Client) => sha256(`${networkOf(ip)}\0${userAgent ?? ''}`);

/** Keeps a new refresh token, as its hash. `seconds` is its life. */
export async function keepRefreshToken(
  queries: AuthQueries,
  sessionId: string,
  seconds: number,
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await queries.query(
    `insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))`,
    [sha256(token), sessionId, seconds],
  );
  return token;
}

/**
 * The family that a token was issued in, if it is still there. It is locked until the transaction ends:
 * uses of its tokens take turns, and whoever ends the session waits or makes them wait.
 */
export async function lockFamily(queries: AuthQueries, token: string): Promise<Family | undefined> {
  const [family] = await queries.query<Family>(
    `select id, user_id, ip_address, user_agent from sessions
     where id = (select session_id from refresh_tokens where hash = $1) for update`,
    [sha256(token)],
  );
  return family;
}

/** What a token of a locked family is good for, and the pair that it was traded for, where it is to be repeated. */
export async function lookAtUse(
  queries: AuthQueries,
  token: string,
  client: Client,
): Promise<{ use: Use; pair?: string }> {
  const [kept] = await queries.query<Kept>(
    `select used_at is not null as used, used_at > clock_timestamp() - make_interval(secs => $2) as recent,
       expires_at <= clock_timestamp() as expired, used_by, sealed_pair
     from refresh_tokens where hash = $1`,
    [sha256(token), grace],
  );
  if (!kept) return { use: 'refuse' };
  const use = useOf(kept, placeOf(client));
  return use === 'repeat' ? { use, pair: unseal(kept.sealed_pair!, token, 'token pair') } : { use };
}

/** A token whose pair has been used itself has no pair any more: it is two generations old. */
function useOf(kept: Kept, place: Buffer): Use {
  if (!kept.used) return kept.expired ? 'refuse' : 'trade';
  const again = kept.recent && kept.sealed_pair !== null && kept.used_by?.equals(place);
  return again ? 'repeat' : 'end';
}

/** Marks a token as used and keeps the pair that it is traded for; the pair before is forgotten. */
export async function spend(
  queries: AuthQueries,
  family: Family,
  token: string,
  pair: string,
  client: Client,
): Promise<void> {
  await queries.query(
    'update refresh_tokens set sealed_pair = null where session_id = $1 and sealed_pair is not null',
    [family.id],
  );
  await queries.query(
    'update refresh_tokens set used_at = clock_timestamp(), used_by = $2, sealed_pair = $3 where hash = $1',
    [sha256(token), placeOf(client), seal(pair, token, 'token pair')],
  );
}

/** Forgets the pairs that nobody may ask for any more. */
export async function forgetPairs(queries: AuthQueries): Promise<void> {
  await queries.query(
    `update refresh_tokens set sealed_pair = null
     where sealed_pair is not null and used_at < now() - make_interval(secs => $1)`,
    [grace],
  );
}
