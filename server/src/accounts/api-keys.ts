import {
  type Actor,
  changeOf,
  forbidden,
  invalid,
  KyozoError,
  notFound,
  personOf,
  type Registry,
  type Role,
} from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import { type Call, type Performers, stale } from '../actions.ts';
import type { Queries } from '../database/database.ts';
import { rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { apiKey } from './api-key.ts';
import { createKey } from './authenticate.ts';
import { mustBeProvenInTeam } from './proof.ts';
import { isAbove } from './roles.ts';

/** Making keys: a member's own, or one of the team's that acts in a role of its own. */
export function apiKeyPerformers(queries: Queries, known: Registry): Performers {
  return {
    async 'api-keys.create'({ actor, input }: Call) {
      const { owner = 'user', role } = input.values as { owner?: 'user' | 'team'; role?: Role };
      const whose = owner === 'team' ? ofTeam(actor, role) : ofPerson(actor, role);
      checkScopes(known, actor, input.values.scopes as string[]);
      await mustBeProvenInTeam(queries, actor);
      await checkEnd(queries, actor, input.values.expiresAt as string | null | undefined);
      const { key, hash, start } = createKey();
      const madeBy = actor.credential.kind === 'key' ? actor.credential.id : null;
      const values = {
        ...input.values,
        owner,
        ...whose,
        hash,
        start,
        madeBy,
        teamId: actor.teamId,
      };
      const change = {
        kind: 'insert' as const,
        resource: apiKey,
        id: uuidv7(),
        values,
        event: apiKey.events.create,
      };
      const [row] = await queries.text(actor, changeStatement(actor, change));
      return { row: rowOf({ resource: apiKey, sort: [] }, row!), meta: { key } };
    },

    async 'api-keys.destroy'({ actor, input, record, ifVersion }: Call) {
      await mustBeProvenInTeam(queries, actor);
      const now = new Date().toISOString();
      const change = changeOf(apiKey, 'destroy', record!.id, input, actor, now);
      const [row] = await queries.text(actor, changeStatement(actor, change, ifVersion));
      if (!row) throw ifVersion === undefined ? notFound() : stale();
      return {};
    },
  };
}

function ofTeam(actor: Actor, role: Role = 'member') {
  if (actor.role === 'member') throw forbidden('Only owners and admins make keys of the team.');
  if (isAbove(role, actor.role)) {
    throw new KyozoError('forbidden', 'A key acts as no more than who makes it.', {
      source: { pointer: '/data/attributes/role' },
    });
  }
  return { role, userId: null };
}

function ofPerson(actor: Actor, role?: Role | null) {
  const userId = personOf(actor);
  if (userId === undefined) throw forbidden("A team's key makes no keys of a person.");
  if (role) {
    throw invalid("role is for a team's key; a member's acts as the member.", {
      pointer: '/data/attributes/role',
    });
  }
  return { role: null, userId };
}

/** A key that a key makes ends no later than that one. */
async function checkEnd(queries: Queries, actor: Actor, end: string | null | undefined) {
  if (actor.credential.kind !== 'key') return;
  const [later] = await queries.rows(
    actor,
    sql`select from api_keys where id = ${actor.credential.id}
      and coalesce(${end ?? null}::timestamptz, 'infinity') > expires_at`,
  );
  if (!later) return;
  throw new KyozoError('forbidden', 'This key cannot make one that ends later than itself.', {
    source: { pointer: '/data/attributes/expiresAt' },
  });
}

/** A key reaches no further than the credential that makes it. */
function checkScopes(known: Registry, actor: Actor, scopes: readonly string[]): void {
  const pointer = '/data/attributes/scopes';
  if (scopes.length === 0) throw invalid('scopes must not be empty.', { pointer });
  for (const scope of scopes) {
    const { type, level } = /^((?<type>[a-z-]+):)?(?<level>read|write)$/.exec(scope)?.groups ?? {};
    if (level === undefined || (type !== undefined && !known.has(type))) {
      throw invalid(`There is no scope ${JSON.stringify(scope.slice(0, 80))}.`, { pointer });
    }
    const mine = actor.scopes;
    const covered = [scope, level, 'write', `${type}:write`].some(
      (own) => mine.includes(own) && (own !== 'read' || level === 'read'),
    );
    if (!covered)
      throw new KyozoError('forbidden', `This key cannot give the scope ${scope}.`, {
        source: { pointer },
      });
  }
}
