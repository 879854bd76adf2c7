import { type Actor, KyozoError } from '@kyozo/resource';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { AuthQueries } from './auth-database.ts';
import { mustBeSession } from './sign-in.ts';

/** Seconds in which somebody who has shown that it is them is not asked again. */
const life = 300;

/**
 * Adding, changing or removing a credential takes a fresh proof, so that a stolen access token is worth
 * no more than its quarter of an hour. Signing in is one; `users.prove` is another.
 * @throws KyozoError `proof_required`; `forbidden` for a program; `unauthenticated` where the session has ended
 */
export async function mustBeProven(queries: AuthQueries, actor: Actor): Promise<void> {
  await mustBeSession(queries, actor);
  const proven = await queries.query(
    'select 1 from sessions where id = $1 and proven_at > now() - make_interval(secs => $2)',
    [actor.credential.id, life],
  );
  if (proven.length === 0) throw proofRequired();
}

/** The same for API keys, which are made and revoked in a team; a key has its own limits there. */
export async function mustBeProvenInTeam(queries: Queries, actor: Actor): Promise<void> {
  if (actor.credential.kind === 'key') return;
  const proven = await queries.rows(
    actor,
    sql`select 1 from sessions where id = ${actor.credential.id}
      and proven_at > now() - make_interval(secs => ${life})`,
  );
  if (proven.length === 0) throw proofRequired();
}

/** Notes that the person of a session has just shown that it is them. */
export async function noteProof(queries: AuthQueries, actor: Actor): Promise<void> {
  await queries.query('update sessions set proven_at = now() where id = $1 and user_id = $2', [
    actor.credential.id,
    actor.userId,
  ]);
}

const proofRequired = () =>
  new KyozoError('proof_required', 'Show once more that it is you; then this goes on.');
