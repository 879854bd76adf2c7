import { createHash } from 'node:crypto';
import type { Client } from '../actions.ts';
import type { AuthQueries } from './auth-database.ts';

/** Days that a device is known without being used. */
const life = 365;
/** A person's devices; the one that was used longest ago makes room. */
const most = 20;

const hashOf = (device: string) => createHash('sha256').update(device).digest();

/** Whether somebody with an address, which is in lower case, has signed in with this device before. */
export async function isKnown(queries: AuthQueries, email: string, client: Client) {
  if (client.device === undefined) return false;
  const known = await queries.query(
    `select 1 from known_devices d join users u on u.id = d.user_id where lower(u.email) = $1 and d.hash = $2
     and d.last_used_at > now() - make_interval(days => $3)`,
    [email, hashOf(client.device), life],
  );
  return known.length > 0;
}

/** Remembers a device that has just signed a person in. */
export async function remember(queries: AuthQueries, userId: string, client: Client) {
  if (client.device === undefined) return;
  await queries.query(
    `insert into known_devices (user_id, hash) values ($1, $2)
     on conflict (user_id, hash) do update set last_used_at = now()`,
    [userId, hashOf(client.device)],
  );
  await queries.query(
    `delete from known_devices where user_id = $1 and hash in (
       select hash from known_devices where user_id = $1 order by last_used_at desc, hash offset $2)`,
    [userId, most],
  );
}

/** With a password that somebody else may have known goes what they signed in with. */
export async function forgetDevices(queries: AuthQueries, userId: string): Promise<void> {
  await queries.query('delete from known_devices where user_id = $1', [userId]);
}

export async function forgetOldDevices(queries: AuthQueries): Promise<void> {
  await queries.query(
    'delete from known_devices where last_used_at < now() - make_interval(days => $1)',
    [life],
  );
}
