import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Client } from '../actions.ts';
import type { AuthQueries } from './auth-database.ts';

/**
 * Opens a session; what is issued in it ends with it. `seconds` is how long it lasts without a refresh,
 * `proven` whether its person has just shown all that signing in asks for.
 */
export async function openSession(
  queries: AuthQueries,
  userId: string,
  client: Client,
  seconds: number,
  proven = true,
): Promise<string> {
  const id = uuidv7();
  await queries.query(
    `insert into sessions (id, user_id, token, ip_address, user_agent, expires_at, proven_at)
     values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), case when $7 then now() end)`,
    [
      id,
      userId,
      // better-auth's own column; nothing is ever asked with it.
      randomBytes(32).toString('base64url'),
      client.ip,
      client.userAgent?.slice(0, 500).replaceAll('\0', '').toWellFormed(),
      seconds,
      proven,
    ],
  );
  return id;
}

/** Ends one session of a person's, and every token issued in it; answers whether there was one. */
export async function endSession(
  queries: AuthQueries,
  userId: string,
  sessionId: string,
): Promise<boolean> {
  const ended = await queries.query(
    'delete from sessions where id = $1 and user_id = $2 returning 1',
    [sessionId, userId],
  );
  return ended.length > 0;
}

/** Ends all sessions of a person, or all others. */
export async function endSessions(
  queries: AuthQueries,
  userId: string,
  except?: string,
): Promise<void> {
  await queries.query('delete from sessions where user_id = $1 and id is distinct from $2::uuid', [
    userId,
    except ?? null,
  ]);
}
